"""Ask a folder of documents; every statement cites the exact words it rests on.

>>> from assistant import ask
>>> print(ask("How large was trade between China and Belarus last year?"))  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.types import Abstention, Answer, Citation, Passage, Statement

if TYPE_CHECKING:
    from assistant.assistant import Assistant, ask

__all__ = [
    # Ask
    "Assistant",
    "ask",
    # What comes back
    "Abstention",
    "Answer",
    "Citation",
    "Passage",
    "Statement",
    # What it is set to, and what can go wrong
    "AssistantError",
    "Settings",
]  # fmt: skip


def __getattr__(name: str) -> Any:  # noqa: ANN401 (as PEP 562 has it)
    """Import the working parts when they are first used: a parser's child does without them."""
    if name not in ("Assistant", "ask"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from assistant import assistant

    return getattr(assistant, name)
