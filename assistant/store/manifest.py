"""What a generation says of itself, sealed, and held by whoever reads it."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

FORMAT = 2
"""Raise it when an index of this version could not be read by the last one, or the reverse."""

MANIFEST = "manifest.json"
SPARE = "manifest.spare.json"


def seal(manifest: Mapping[str, Any]) -> str:
    """A digest of all else in a manifest, so that a changed one is noticed."""
    rest = {name: value for name, value in manifest.items() if name != "seal"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def hold(manifest: Path) -> BinaryIO:
    """Open a manifest, shared with other readers: a writer removes only what nobody holds."""
    held = manifest.open("rb")
    if fcntl:
        with suppress(OSError):  # some network drives lock nothing; a writer removes nothing there
            fcntl.flock(held, fcntl.LOCK_SH)
    if not manifest.exists():  # removed between the opening and the lock
        held.close()
        raise FileNotFoundError(manifest)
    return held


def remove(folder: Path) -> None:
    """Remove an unfinished build, or a generation unless a reader holds it."""
    manifest = folder / MANIFEST
    try:
        with manifest.open("rb") as held:
            if fcntl:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                manifest.unlink()  # under the lock: a reader who waits for it sees it gone
        if not fcntl:
            manifest.unlink()  # Windows refuses while a reader has it open
    except FileNotFoundError:
        pass  # unfinished, or half removed
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
