"""What all models need: their files, by folder or by name from the hub, and NumPy on one thread."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from hashlib import file_digest
from pathlib import Path
from threading import RLock
from typing import Any

from assistant.errors import ModelUnavailable


def find_model(name: str, files: Sequence[str], variable: str) -> Path:
    """The folder of a model; of one on the hub only what matches `files` is fetched.

    `variable` is the setting that named it. Raises `ModelUnavailable`.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.absolute()
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files)))
    except Exception as error:  # no network, no such model, a bad name
        raise ModelUnavailable(
            name,
            f"it is no folder, and the hub does not give it ({type(error).__name__})",
            f"Check the name and the network, or set {variable} to a folder.",
        ) from error


def file_sha256(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


_lock = RLock()  # one at a time: the number is the whole process's, and only who set it resets it


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, NumPy multiplies with one thread; then with as many as before.

    Its threads wait for one another by counting: for a question's vector, 15 ms of work, two of
    them took 149 ms of a busy processor.
    """
    with _lock, _blas().limit(limits=1):
        yield


@cache
def _blas() -> Any:  # noqa: ANN401 (of a library without types)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
