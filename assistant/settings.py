"""Settings: the only reader of the environment."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from assistant.errors import SettingRefused

THRESHOLD = 0.5

_ADDRESS = (
    "http(s)://host:port, with /name behind it where several indexes share a server; "
    "no user or password: a token belongs in ASSISTANT_CHROMA_TOKEN"
)
_PATH = re.compile(r"/?|/[A-Za-z0-9][A-Za-z0-9_-]{1,38}[A-Za-z0-9]")


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
    chroma: str = ""
    """A Chroma server to share the index on, `http://host:port/name`; empty: none is asked."""
    chroma_token: str = field(default="", repr=False)
    """What the server, or the proxy before it, wants to see as a bearer token."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise SettingRefused("threshold", self.threshold, "a probability, 0 to 1")
        for name in ("passages", "statements", "file_megabytes"):
            if getattr(self, name) < 1:
                raise SettingRefused(name, getattr(self, name), "1 or more")
        if self.chroma and not _is_address(self.chroma):
            raise SettingRefused("chroma", _without_password(self.chroma), _ADDRESS)

    @property
    def knowledge(self) -> Path:
        """The folder of sources."""
        return self.home / "knowledge"

    @property
    def index(self) -> Path:
        """The folder of what is derived from them."""
        return self.home / "index"

    @property
    def history(self) -> Path:
        """The folder of conversations and feedback."""
        return self.home / "history"

    @property
    def removed(self) -> Path:
        """The folder where sources are kept that were removed."""
        return self.home / "removed"

    @property
    def accounts(self) -> Path:
        """The file of who may come in."""
        return self.home / "accounts.json"

    @property
    def file_bytes(self) -> int:
        """Size of the largest file that is read."""
        return self.file_megabytes * 2**20

    @classmethod
    def read(cls, home: str | os.PathLike[str] | None = None) -> "Settings":
        """The settings of the environment, read now.

        `ASSISTANT_HOME`, `ASSISTANT_EMBEDDER`, `ASSISTANT_READER`, `ASSISTANT_THRESHOLD`,
        `ASSISTANT_CHROMA`, `ASSISTANT_CHROMA_TOKEN`; `home` wins over `ASSISTANT_HOME`, which wins
        over the current folder. Raises `SettingRefused`.
        """
        folder = Path(home or os.environ.get("ASSISTANT_HOME") or Path.cwd()).expanduser()
        return cls(
            home=folder.absolute(),
            embedder=os.environ.get("ASSISTANT_EMBEDDER", ""),
            reader=os.environ.get("ASSISTANT_READER", ""),
            threshold=_number("ASSISTANT_THRESHOLD", THRESHOLD),
            chroma=os.environ.get("ASSISTANT_CHROMA", ""),
            chroma_token=os.environ.get("ASSISTANT_CHROMA_TOKEN", ""),
        )


def _number(name: str, default: float) -> float:
    value = os.environ.get(name) or default
    try:
        return float(value)
    except ValueError:
        raise SettingRefused(name, value, "a number") from None


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0  # looking at the port refuses one that is no number
            and not ("@" in parts.netloc or parts.query or parts.fragment)
            and bool(_PATH.fullmatch(parts.path))
        )
    except ValueError:
        return False


def _without_password(value: str) -> str:
    """An address as it may be shown: what stands before the last @ may be a secret."""
    before, at, after = value.rpartition("@")
    scheme, separator, _ = before.rpartition("://")
    return f"{scheme}{separator}…@{after}" if at else value
