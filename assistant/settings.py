"""Settings, which alone read the environment."""

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from assistant.errors import SettingRefused


@dataclass(frozen=True)
class Settings:
    """What a user may choose. Every default works without a network and a key."""

    home: Path
    """The folder that holds `knowledge/` and `index/`."""
    embedder: str = ""
    """An embedding model: a folder or a name on the hub; empty: the one that is installed."""
    reader: str = ""
    """A question-answering model: a folder or a name on the hub; empty: the package's own."""
    threshold: float = 0.5
    """Answer when the probability that the documents answer reaches this, 0 to 1."""
    passages: int = 10
    """How many passages are read for a question."""
    statements: int = 3
    """At most so many statements in an answer."""
    file_megabytes: int = 50
    """Larger files are skipped."""
    chroma: str = ""
    """A Chroma server to share the index on, `http://host:port/name`; empty: none is asked."""
    chroma_token: str = field(default="", repr=False)
    """The bearer token for the server, or for the proxy before it."""
    model: str = ""
    """A chat model that words the answers, `provider:name`; empty: they are quotes."""
    model_url: str = ""
    """The model's server; empty: where the provider's own is."""
    model_seconds: float = 30.0
    """How long an answer may wait for the model; then it is quoted."""

    def __post_init__(self) -> None:
        try:
            may_be_folder = self.home.is_dir() or not self.home.exists()
        except OSError:  # such as a name that is too long
            may_be_folder = False
        if not may_be_folder:
            raise SettingRefused("home", str(self.home), "a folder that can be read")
        if not 0 <= self.threshold <= 1:
            raise SettingRefused("threshold", self.threshold, "a probability, 0 to 1")
        for name in ("passages", "statements", "file_megabytes"):
            if getattr(self, name) < 1:
                raise SettingRefused(name, getattr(self, name), "1 or more")
        _refuse_bad_address(
            "chroma",
            self.chroma,
            r"/?|/[A-Za-z0-9][A-Za-z0-9_-]{1,38}[A-Za-z0-9]",
            "http(s)://host:port, with /name behind it where several indexes share a server; "
            "no user or password: a token belongs in ASSISTANT_CHROMA_TOKEN",
        )
        if self.model and not re.fullmatch(
            r"[a-z][a-z0-9_]*:[^\s\x00-\x1f\x7f]{1,200}", self.model
        ):
            raise SettingRefused("model", self.model, "provider:name, such as ollama:llama3.2")
        _refuse_bad_address(
            "model_url",
            self.model_url,
            r"[\w/.~-]*",
            "http(s)://host:port/path; no user or password: keys belong in the environment",
        )
        if not 0 < self.model_seconds <= 600:
            raise SettingRefused("model_seconds", self.model_seconds, "0 to 600")

    @cached_property
    def knowledge(self) -> Path:
        """The folder of documents."""
        return self.home / "knowledge"

    @cached_property
    def index(self) -> Path:
        """The folder of the index."""
        return self.home / "index"

    @cached_property
    def history(self) -> Path:
        """The folder of conversations and feedback."""
        return self.home / "history"

    @cached_property
    def removed(self) -> Path:
        """The folder that removed documents are moved to."""
        return self.home / "removed"

    @cached_property
    def accounts(self) -> Path:
        """The file of accounts for the page."""
        return self.home / "accounts.json"

    @cached_property
    def file_bytes(self) -> int:
        """Bytes of the largest file that is read."""
        return self.file_megabytes * 2**20

    @classmethod
    def read(cls, home: str | os.PathLike[str] | None = None) -> "Settings":
        """The settings of the environment, read now.

        `ASSISTANT_HOME`, `ASSISTANT_EMBEDDER`, `ASSISTANT_READER`, `ASSISTANT_THRESHOLD`,
        `ASSISTANT_CHROMA`, `ASSISTANT_CHROMA_TOKEN`, `ASSISTANT_MODEL`, `ASSISTANT_MODEL_URL`,
        `ASSISTANT_MODEL_SECONDS`; `home` wins over `ASSISTANT_HOME`, which wins over the current
        folder. Raises `SettingRefused`.
        """
        folder = Path(home or os.environ.get("ASSISTANT_HOME") or ".").expanduser()
        try:
            folder = folder.absolute()
        except FileNotFoundError:  # the current folder was removed
            raise SettingRefused("home", str(folder), "a folder that is there") from None
        chosen: dict[str, Any] = {}
        for name in ("embedder", "reader", "chroma", "chroma_token", "model", "model_url",
                     "threshold", "model_seconds"):  # fmt: skip
            variable = f"ASSISTANT_{name.upper()}"
            if value := os.environ.get(variable):
                try:
                    chosen[name] = float(value) if name in ("threshold", "model_seconds") else value
                except ValueError:
                    raise SettingRefused(variable, value, "a number") from None
        return cls(folder, **chosen)


def _refuse_bad_address(name: str, value: str, path: str, wanted: str) -> None:
    """Raise `SettingRefused` for an address of another form, or with a path of another form."""
    try:
        parts = urlsplit(value)
        is_good = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0  # looking at the port refuses one that is no number
            and not ("@" in parts.netloc or parts.query or parts.fragment)
            and re.fullmatch(path, parts.path, re.ASCII)
        )
    except ValueError:
        is_good = False
    if value and not is_good:
        before, at, after = value.rpartition("@")  # what stands before it may be a password
        scheme, separator, _ = before.rpartition("://")
        shown = f"{scheme}{separator}…@{after}" if at else value
        raise SettingRefused(name, shown, wanted)


def is_set(name: str) -> bool:
    """Whether a variable of another program is set, such as a key; its value is not read."""
    return bool(os.environ.get(name))
