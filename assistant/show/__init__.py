"""Answers and reports as a person, a browser or a program wants them.

    words      other people's text, made safe: the only place that escapes
    terminal   text
    markup     HTML, for the page and for a notebook
    export     JSON and Markdown, to be kept

Everything here came from documents, file names, questions or models, and is shown literally.
"""

from assistant.show.export import (
    conversation_to_json,
    conversation_to_markdown,
    from_json,
    to_json,
)
from assistant.show.markup import bubble, cards, reading, to_html
from assistant.show.terminal import (
    changes_to_text,
    checked_to_text,
    model_to_text,
    report_to_text,
    to_text,
)
from assistant.show.words import bare, escape, line, markdown, plural, unwrapped, visible

__all__ = [
    "bare", "bubble", "cards", "changes_to_text", "checked_to_text", "conversation_to_json",
    "conversation_to_markdown", "escape", "from_json", "line", "markdown", "model_to_text",
    "plural", "reading", "report_to_text", "to_html", "to_json", "to_text", "unwrapped", "visible",
]  # fmt: skip
