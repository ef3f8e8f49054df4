"""The files of models, by folder or by name from the hub."""

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path

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
