"""Who is asking. The door has found out; here it is only read."""

from typing import Any

import gradio as gr
from fastapi import Request

from assistant.accounts import LOCAL, Person
from assistant.door import PERSON

__all__ = ["Person", "arrive", "person", "seat", "username"]

_NOBODY = Person(LOCAL, may_change=False)


def person(request: gr.Request) -> Person:
    """Who is asking, and whether they may change the sources."""
    return _found(request.request) or _NOBODY


def seat(request: gr.Request) -> str:
    """For whom a question is counted: the account; without accounts, the tab."""
    return str(request.username or f"/{request.session_hash}")


def username(request: Request) -> str | None:
    """Whom Gradio is to take for logged in."""
    found = _found(request)
    return found.name if found else None


def arrive(request: gr.Request) -> tuple[Any, Any]:
    """The buttons that are not for everyone: to sync, and to log out."""
    may_change, has_account = person(request).may_change, request.username is not None
    return gr.update(visible=may_change), gr.update(visible=has_account)


def _found(request: Request | None) -> Person | None:
    return request.scope.get(PERSON) if request else None
