"""What stands in the left column: the conversations; and what ties them to the chat.

The buttons at each turn and in the list are made by conversations.js. What they wish for comes
here through hidden text boxes, one for each kind of event, and is looked at by archive and hand.
"""

from typing import Any

import gradio as gr

from assistant.page.archive import Archive
from assistant.page.hand import Hand
from assistant.page.keeping import Now
from assistant.page.parts import PLAIN, QUIET, SEATED, Parts
from assistant.page.talk import Conversation


class Column:
    """The components of the column, made before they are laid out."""

    def __init__(self) -> None:
        self.now = gr.State(Now(), time_to_live=6 * 3600, render=False)
        self.new = gr.Button("New conversation", elem_id="new", size="sm", scale=0, render=False)
        self.talks = gr.Markdown(elem_id="talks", render=False, **PLAIN)
        self.further = gr.Markdown(elem_id="further", render=False, **PLAIN)
        self.again, self.turn, self.give, self.given = (
            gr.Textbox(elem_id=f"wish-{name}", visible="hidden", max_lines=1, render=False)
            for name in ("again", "turn", "give", "given")
        )


def tie(page: gr.Blocks, parts: Parts, column: Column, talk: Conversation) -> None:
    """Tie the chat and the column to their events: whatever is asked is kept."""
    archive = Archive(talk)
    hand = Hand(archive)
    known = [parts.turns, column.now]
    seen: list[Any] = [*parts.look, column.now, column.talks, column.further]
    given = [*known, parts.unticked]
    asked = [parts.box.submit, parts.send.click]
    parts.asking += [
        gr.on(asked, archive.ask, [parts.box, *given], seen, **SEATED),
        parts.chat.example_select(archive.example, given, seen, **SEATED),
        column.again.submit(archive.again, [column.again, *given], seen, **SEATED),
    ]
    quick: dict[str, Any] = QUIET | {"concurrency_limit": None, "trigger_mode": "multiple"}
    ending: dict[str, Any] = quick | {"cancels": parts.asking}
    parts.halt.click(archive.stop, known, seen, **ending)
    column.new.click(archive.new, known, seen, **ending)
    column.turn.submit(archive.turn, [column.turn, *known], seen, **ending)
    handed = [parts.status, column.given]
    column.give.submit(hand.give, [column.give, parts.turns], handed, **quick)
    page.load(archive.listed, [column.now], [column.talks], **quick)


def place(column: Column) -> None:
    """Lay the column out here; what begins a new conversation stands where it is always seen."""
    parts: list[Any] = [column.now, column.talks]
    for part in [*parts, column.again, column.turn, column.give, column.given]:
        part.render()
