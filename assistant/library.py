"""The folder of documents as a person manages it: add files, remove one, read one.

Names and bytes come from anywhere. What is stored has a safe name, is a document, and replaces
nothing; what is removed is kept beside the folder, and can be restored.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path, PurePath
from secrets import token_hex
from unicodedata import normalize

from assistant import fs
from assistant.errors import FileRefused, KnowledgeMissing, SourceUnusable
from assistant.load.builder import Unavailable
from assistant.load.folder import FileEntry, content, digest, refusal, scan_folder
from assistant.load.readers import read
from assistant.settings import Settings
from assistant.types import Document

MOST = 100
"""Files that a person adds at a time."""
_LONGEST = 200  # bytes of a name: file systems take 255, and a number may come behind it
# What hides a file, makes it an option of a command, or is how Office marks what is open.
_LEADING = re.compile(r"^(?:[ .-]|~\$)+")
# Devices of Windows, whatever stands behind a full stop.
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)")
# What a file begins with that is no text, and the formats which do.
_SIGNS = {
    b"%PDF-": (".pdf",),
    b"PK\3\4": (".docx", ".pptx", ".xlsx", ".xlsm", ".epub"),
    b"\x7fELF": (),
    b"MZ\x90": (),
}


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file that is now in the folder."""

    name: str
    """As it was given."""
    source: str
    """As it is stored."""
    is_new: bool
    """Whether it was stored now; else the same bytes were already there."""

    def __str__(self) -> str:
        if not self.is_new:
            return f"“{self.source}” is already there."
        if (wanted := safe_name(self.name)) == self.source:
            return f"“{self.source}” was added."
        return (
            f"“{self.source}” was added: another “{wanted}” is there. "
            "Remove that one if this is its new version."
        )


class Library:
    """The folder of one home. Safe to use from several threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._folder, self._removed = settings.knowledge, settings.removed
        self._limit = settings.file_bytes
        self._parsed = lru_cache(8)(self._parse)

    def add(self, path: Path, name: str) -> Added:
        """Store a copy of the file under a safe form of `name`. Raises `FileRefused`."""
        wanted = safe_name(name)
        if reason := refusal(wanted):
            raise FileRefused(name, reason)
        part = self._folder / f".{token_hex(8)}.part"  # hidden: no sync reads it
        try:
            data, suffix = content(path, self._limit), PurePath(wanted).suffix.lower()
            if any(data.startswith(sign) and suffix not in _SIGNS[sign] for sign in _SIGNS):
                raise FileRefused(name, f"its content is not that of a {suffix} file")
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
            fs.flush(part)
            document = read(FileEntry(wanted, part), self._limit)
            if not isinstance(document, Document):
                raise FileRefused(name, str(document))
            return self._placed(part, name, wanted, document.sha256)
        except Unavailable as problem:
            raise FileRefused(name, str(problem)) from None
        except OSError as error:
            raise FileRefused(name, _in_words(error)) from None
        finally:
            part.unlink(missing_ok=True)

    def remove(self, source: str) -> Path:
        """Take the file out of the folder, and say where it is kept. Raises `SourceUnusable`."""
        path = self._found(source, self._folder).path
        return self._into(self._removed / path.relative_to(self._folder).parent, path, source)

    def removed(self) -> dict[str, int]:
        """What was removed and can be restored: the bytes of each file, by its name."""
        with suppress(KnowledgeMissing):
            found = scan_folder(self._removed, self._limit).files
            return {file.source: file.signature[0] for file in found}
        return {}

    def restore(self, name: str) -> str:
        """Put a removed file back, and say as which source. Raises `SourceUnusable`."""
        path = self._found(name, self._removed).path
        place = self._folder / path.relative_to(self._removed).parent
        if not PurePath(os.path.realpath(place)).is_relative_to(os.path.realpath(self._folder)):
            raise SourceUnusable(name, "its folder is a link out of the documents")
        return self._into(place, path, name).relative_to(self._folder).as_posix()

    def read(self, source: str) -> Document:
        """The source as text, as the file is now. Raises `SourceUnusable`."""
        file = self._found(source, self._folder)
        try:
            return self._parsed(source, file.path, digest(file, self._limit))
        except Unavailable as problem:
            raise SourceUnusable(source, str(problem)) from None

    def _into(self, place: Path, path: Path, source: str) -> Path:
        """Move a file to another folder under the first name that is free there; where it is."""
        try:
            place.mkdir(parents=True, exist_ok=True)
            targets = (place / name for name in _numbered(path.name))
            return next(target for target in targets if _moved(path, target))
        except OSError as error:
            raise SourceUnusable(source, _in_words(error)) from None

    def _found(self, source: str, folder: Path) -> FileEntry:
        """The file of that name, which is a regular file of the folder and no link out of it."""
        found = scan_folder(folder, self._limit)
        for file in found.files:
            if file.source == source:
                return file
        reasons = found.unavailable | found.skipped
        raise SourceUnusable(source, reasons.get(source, "it is not among the documents"))

    def _parse(self, source: str, path: Path, sha256: str) -> Document:
        """The document. The sha256 is there to know it again, while it is not changed."""
        document = read(FileEntry(source, path), self._limit)
        if not isinstance(document, Document):
            raise SourceUnusable(source, str(document))
        return document

    def _placed(self, part: Path, name: str, wanted: str, sha256: str) -> Added:
        """Give the file the first name that is free, unless it is there already."""
        for candidate in _numbered(wanted):
            target = part.with_name(candidate)
            if _moved(part, target):
                return Added(name, candidate, is_new=True)
            with suppress(Unavailable):  # a folder, or a link
                if digest(FileEntry(candidate, target), self._limit) == sha256:
                    return Added(name, candidate, is_new=False)
        raise AssertionError("there is always another number")


def safe_name(name: str) -> str:
    """The name as it may be stored anywhere: one that is shown as it is, and hides nothing."""
    spaced = re.sub(r"\s", " ", re.split(r"[/\\]", name)[-1])
    shown = "".join(filter(str.isprintable, re.sub(r'[<>:"|?*]', "_", spaced)))
    shown = normalize("NFC", " ".join(shown.split())).rstrip(" .")
    stem, dot, suffix = shown.rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    stem = _LEADING.sub("", stem)
    room = _LONGEST - len(f"{dot}{suffix}".encode())
    stem = stem.encode()[: max(room, 1)].decode(errors="ignore").rstrip(" .") or "document"
    safe = f"{stem}{dot}{suffix}"
    return f"_{safe}" if _RESERVED.match(safe) else safe


def _numbered(name: str) -> Iterator[str]:
    """The name, then `name (2)`, and so on, before its suffix."""
    stem, suffix = PurePath(name).stem, PurePath(name).suffix
    yield name
    yield from (f"{stem} ({number}){suffix}" for number in count(2))


def _moved(path: Path, target: Path) -> bool:
    """Give the file another name, unless that is taken: nothing is replaced, even in a race."""
    try:
        os.link(path, target)
    except FileExistsError:
        return False
    except OSError:  # no such links here, or another disk: hold the name, then fill it
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            return False
        try:
            shutil.move(path, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return True
    path.unlink()
    return True


def _in_words(error: OSError) -> str:
    return f"it could not be stored ({error.strerror or error})"
