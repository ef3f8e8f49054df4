"""What a browser is handed to keep: a copy with footnotes, an export; and thumbs."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from assistant import show
from assistant.history import Conversation, Feedback, Thumb
from assistant.history.feedback import MOST_COMMENT, before
from assistant.page.archive import Archive
from assistant.page.requests import Wish, key_of, number_of, parsed
from assistant.page.talk import Turns, status, told

_UNNAMABLE = re.compile(r"[\W_]+")


class Hand:
    """The events that change no conversation. They return a status, and JSON for the browser."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def give(self, sent: str, turns: Turns, request: gr.Request) -> tuple[Any, str]:
        """Copy, export or keep a thumb, as a browser asked."""
        wish = parsed(sent)
        given: dict[str, Any] = {}
        try:
            given = self._given(wish, turns, request)
            remark = str(given.pop("remark", ""))
        except Exception as error:
            remark = told(error)
        return status(remark), json.dumps(given | {"for": wish.get("nonce")})

    def _given(self, wish: Wish, turns: Turns, request: gr.Request) -> dict[str, Any]:
        history = self._archive.history(request)
        if wish.get("do") == "export":
            return _exported(history.read(key_of(wish)), str(wish.get("kind")))
        at = number_of(wish, turns)
        turn = turns[at]
        if turn.answer is None or turn.reading:
            return {"remark": "There is no answer yet."}
        if wish.get("do") == "copy":
            return {"text": show.to_text(turn.answer)}
        earlier = before([(each.question, each.answer) for each in turns], at)
        comment = str(wish.get("comment", ""))[:MOST_COMMENT]
        thumb, when = Thumb(str(wish.get("do"))), datetime.now(UTC)
        history.tell(Feedback(turn.question, turn.answer, thumb, when, comment, earlier))
        return {"remark": "Taken back." if thumb is Thumb.NONE else "Thank you, noted."}


def _exported(found: Conversation, kind: str) -> dict[str, Any]:
    name = _UNNAMABLE.sub("-", found.title)[:60].strip("-") or "conversation"
    to_text = show.conversation_to_json if kind == "json" else show.conversation_to_markdown
    return {"save": f"{name}.{'json' if kind == 'json' else 'md'}", "text": to_text(found)}
