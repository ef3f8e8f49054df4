"""The components that the page's events read and write, made before they are laid out."""

from typing import Any

import gradio as gr

from assistant.page.talk import header, panel

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""What each event of the page is given: no spinner over the text, and no place in an API."""
SEATED: dict[str, Any] = QUIET | {"concurrency_limit": None}
"""What each event that answers is given: `Seats` say who is answered now."""
PLAIN: dict[str, Any] = {"latex_delimiters": []}
"""What each Markdown and Chatbot is given: no formulas in other people's text."""

_BARE: dict[str, Any] = {"show_label": False, "container": False, "render": False}
_INVITATION = (
    '<div class="invitation"><p>Ask what your documents say</p>'
    "<p>Every statement points at the exact words it rests on.</p></div>"
)


class Parts:
    """The components; whoever lays them out calls `render()`.

    An event that changes the conversation takes `turns`, returns `talk.look(turns)`, and has
    `look` as its outputs: that redraws everything. `asking` are the events that are answering,
    for the `cancels` of one that must not be talked over.
    """

    def __init__(self) -> None:
        self.turns = gr.State((), time_to_live=6 * 3600, render=False)
        self.unticked = gr.State(frozenset(), time_to_live=6 * 3600, render=False)
        """The sources that are not to answer."""
        self.scope = gr.Markdown(elem_id="scope", **_text())
        """How many are to answer, where not all."""
        self.header = gr.Markdown(header("Reading the folder…"), elem_id="header", **_text())
        self.chat = gr.Chatbot(
            elem_id="chat", placeholder=_INVITATION, height="100%", line_breaks=False,
            buttons=[], feedback_options=None, group_consecutive_messages=False,
            **_BARE, **PLAIN,
        )  # fmt: skip
        self.box = gr.Textbox(
            elem_id="question", label="Question", max_lines=6, autofocus=True,
            placeholder="Ask a question…", scale=1, **_BARE,
        )  # fmt: skip
        self.send = gr.Button("Ask", elem_id="send", min_width=72, render=False)
        self.halt = gr.Button("Stop", elem_id="halt", min_width=72, render=False)
        small: dict[str, Any] = {"size": "sm", "render": False}
        self.sync = gr.Button("Sync folder", elem_id="sync", min_width=96, **small)
        self.leave = gr.Button("Log out", elem_id="leave", min_width=72, visible=False, **small)
        self.status = gr.Markdown(elem_id="status", **_text())
        self.cited = gr.Markdown(panel(()), elem_id="cited", **_text())
        self.asking: list[Any] = []

    @property
    def look(self) -> list[Any]:
        """The outputs of an event that returns a `Look`."""
        return [self.box, self.turns, self.chat, self.cited, self.status]


def _text() -> dict[str, Any]:
    return PLAIN | {"render": False}
