"""What a file says it is called."""

import re

from assistant.load.decode import clean
from assistant.load.outline import blank

_NO_TITLE = re.compile(
    r"(?i)untitled|microsoft (word|powerpoint|excel)|powerpoint pres|about:|https?:"
    r"|.*\.[a-z]{2,4}$|.{200}"
)


def real_title(title: str) -> str:
    """The title a file says it has, unless a program filled it in."""
    title = " ".join(clean(title).split())
    return "" if blank(title) or _NO_TITLE.match(title) else title
