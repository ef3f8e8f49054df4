"""The recipe: all that decides what the passages and the vector of a text are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assistant.errors import IndexMismatch
from assistant.store.manifest import FORMAT

Recipe = Mapping[str, Any]


def is_outdated(built: Recipe, wanted: Recipe, where: Path | str) -> bool:
    """Whether an older version of us built it. Raises `IndexMismatch` for what else differs.

    That is another model, or a newer format.
    """
    differs = [key for key in wanted if built.get(key) != wanted[key]]
    if not differs:
        return False
    newer = is_newer(built)
    chosen = ["format"] if newer else [key for key in differs if isinstance(wanted[key], str)]
    if not chosen:
        return True
    raise IndexMismatch(
        where,
        ", ".join(f"{key} {built.get(key)}" for key in chosen),
        ", ".join(f"{key} {wanted[key]}" for key in chosen),
        "Update the assistant, or rebuild: assistant rebuild."
        if newer
        else "Bring it up to date: assistant sync.",
    )


def is_newer(built: Recipe) -> bool:
    """Whether it is of a format that this version does not know yet."""
    return str(built.get("format")).isdecimal() and int(built["format"]) > FORMAT
