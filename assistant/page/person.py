"""Who is asking."""

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever is asking, and whether they may change the sources."""

    name: str
    may_change: bool


def person(request: gr.Request) -> Person:
    """Who sent the request; without passwords, whoever is at this machine."""
    return Person(request.username or "local", True)
