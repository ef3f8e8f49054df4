"""Settings: the only reader of the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import SettingRefused

THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may choose. Every field has a default that needs no network and no key."""

    home: Path
    """The folder that holds `knowledge/` and `index/`."""
    embedder: str = ""
    """An embedding model: a folder or a name on the hub; empty is the one that comes along."""
    reader: str = ""
    """A question-answering model: a folder or a name on the hub; empty: the one of our own."""
    threshold: float = THRESHOLD
    """Answer when the odds that the documents answer reach this probability, 0 to 1."""
    passages: int = 10
    """How many passages are read for a question."""
    statements: int = 3
    """At most so many statements in an answer."""
    file_megabytes: int = 50
    """Larger files are skipped."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise SettingRefused("threshold", self.threshold, "a probability, 0 to 1")
        for name in ("passages", "statements", "file_megabytes"):
            if getattr(self, name) < 1:
                raise SettingRefused(name, getattr(self, name), "1 or more")

    @property
    def knowledge(self) -> Path:
        """The folder of sources."""
        return self.home / "knowledge"

    @property
    def index(self) -> Path:
        """The folder of what is derived from them."""
        return self.home / "index"

    @property
    def file_bytes(self) -> int:
        """Size of the largest file that is read."""
        return self.file_megabytes * 2**20

    @classmethod
    def read(cls, home: str | os.PathLike[str] | None = None) -> "Settings":
        """The settings of the environment, read now.

        `ASSISTANT_HOME`, `ASSISTANT_EMBEDDER`, `ASSISTANT_READER`, `ASSISTANT_THRESHOLD`; `home`
        wins over `ASSISTANT_HOME`, which wins over the current folder. Raises `SettingRefused`.
        """
        folder = Path(home or os.environ.get("ASSISTANT_HOME") or Path.cwd()).expanduser()
        return cls(
            home=folder.absolute(),
            embedder=os.environ.get("ASSISTANT_EMBEDDER", ""),
            reader=os.environ.get("ASSISTANT_READER", ""),
            threshold=_number("ASSISTANT_THRESHOLD", THRESHOLD),
        )


def _number(name: str, default: float) -> float:
    value = os.environ.get(name) or default
    try:
        return float(value)
    except ValueError:
        raise SettingRefused(name, value, "a number") from None
