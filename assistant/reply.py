"""What the assistant says itself: about the folder, and where nothing was asked of a document.

Such a reply rests on no document, so it is never a statement.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from assistant.types import Answer

_TALK = {
    "greeting": "Hello. Ask something that your documents may say.",
    "thanks": "You are welcome.",
    "fine": "Good. Ask on when you like.",
    "who": "I answer questions about the documents in your folder by quoting them, and say so "
    "where they do not say. Ask in your own words; “which files do you have?” lists them.",
    "reword": "I show the documents' own words and do not reword or translate them, unless a chat "
    "model is set. Open the citation to read what stands around it.",
    "yes": "Please ask it as a question.",
    "sure": "There is no answer before this that could be checked.",
}
_LISTED = 50


class FileFacts(NamedTuple):
    """A document as a file."""

    source: str
    size: int
    """Bytes; 0 where the file is not here."""
    changed: float
    """When its content was last changed, in seconds since 1970; 0 where that is not known."""

    @classmethod
    def of(cls, folder: Path, source: str) -> "FileFacts":
        """The facts of a document of this folder; without a file, those of none."""
        try:
            status = (folder / source).stat()
        except OSError:  # a document of an index that is shared, or one just removed
            return cls(source, 0, 0.0)
        return cls(source, status.st_size, status.st_mtime)


def to_talk(about: str, last: Answer | None) -> str:
    """The reply to a greeting, thanks, or a wish about the last answer."""
    if about == "sure" and last is not None and last.citations:
        cited = last.citations[0]
        return (
            f"The words are exact: they stand in {cited.location}. Whether they answer your "
            "question is best seen there; open the citation."
        )
    return _TALK[about]


def about_folder(fact: str, files: Sequence[FileFacts], synced: float) -> str:
    """The reply to a question about the documents as files."""
    dated = [file for file in files if file.changed]
    if fact == "synced":
        return f"The index was last synced on {_when(synced)}."
    if not files:
        return "There are no documents in the index."
    if fact in ("newest", "oldest") and dated:
        found = (max if fact == "newest" else min)(dated, key=lambda file: file.changed)
        return f"The {fact} is {found.source}, changed on {_when(found.changed)}."
    if fact == "largest":
        found = max(files, key=lambda file: file.size)
        return f"The largest is {found.source}, with {_size(found.size)}."
    names = [file.source for file in files]
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    count = f"{len(names):,} document{'' if len(names) == 1 else 's'}"
    return f"The index holds {count}: {', '.join(names[:_LISTED])}{more}."


def about_file(fact: str, file: FileFacts, unit: str, number: int) -> str:
    """The reply to a question about one document as a file; "" where it is not known.

    Its last passage begins on `number` of such a `unit`.
    """
    if fact == "pages" and unit in ("page", "slide"):
        counted = f"{number:,} {unit}{'' if number == 1 else 's'}"
        return f"{file.source} has {counted} (up to the last one with text)."
    if fact == "pages":
        return f"{file.source} is not divided into pages."
    if fact == "size" and file.size:
        return f"{file.source} has {_size(file.size)}."
    if fact == "added" and file.changed:
        return f"The file {file.source} was last changed on {_when(file.changed)}."
    return ""


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%-d %B %Y, %H:%M")


def _size(size: int) -> str:
    for unit, least in (("MB", 10**6), ("kB", 10**3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} bytes"
