"""Bytes → text, in whatever encoding they are."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE

from assistant.load.outline import blank
from assistant.load.parsed import Refused

_SAMPLE = 2**20  # bytes by which an encoding is guessed
_UTF16 = {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}
_UPPER = rb"[\xa1\xa5\xa8\xaa\xaf\xb2\xc0-\xdf]"  # in cp1251: Russian, Ukrainian, Belarusian
_LOWER = rb"[\xa2\xb3\xb4\xb8\xba\xbf\xe0-\xff]"
_CYRILLIC = re.compile(rb"%b?%b+|%b+" % (_UPPER, _LOWER, _UPPER))
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f\ufffd]")
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
_SEVEN_BITS = re.compile(r"(?i)iso-2022-|hz$|utf-7$")  # encodings that look like ASCII
_WIDE = re.compile(r"(?i)utf-?(16|32)|ucs")  # what names itself in ASCII is none of these


def decode(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The text, and a note on the encoding if it was guessed. Raises `Refused`.

    `declared` is what the file says its encoding is, where it does; UTF-8 that is valid as such
    is believed more.
    """
    text, guessed = _decoded(data, declared)
    if blank(text):
        raise Refused("empty")
    if len(_CONTROLS.findall(text)) > len(text) / (50 if guessed else 3):
        raise Refused("not text")
    return clean(text), (f"guessed encoding {guessed}",) if guessed else ()


def clean(text: str) -> str:
    """The text without what no index can store, character for character."""
    return _IMPOSSIBLE.sub("\ufffd", text)


def _decoded(data: bytes, declared: str) -> tuple[str, str]:
    if encoding := _UTF16.get(data[:2]):
        return data[2:].decode(encoding, "replace"), ""
    data = data.removeprefix(BOM_UTF8)
    if _SEVEN_BITS.match(declared) and (text := _tried(data, declared)) is not None:
        return text, ""
    if (text := _tried(data, "utf-8", "surrogatepass")) is not None:
        return text, ""
    if not _WIDE.match(declared) and (text := _tried(data, declared, "replace")) is not None:
        return text, ""
    guessed = _guess(data[:_SAMPLE])
    return data.decode(guessed, "replace"), guessed


def _tried(data: bytes, encoding: str, errors: str = "strict") -> str | None:
    try:
        return data.decode(_WEB.get(encoding.lower(), encoding), errors) if encoding else None
    except (LookupError, ValueError):  # no such encoding, or not in it
        return None


# What these names mean on the web and in mail: https://encoding.spec.whatwg.org
_WEB = dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252") | dict.fromkeys(
    ("gb2312", "gbk"), "gb18030"
)


def _guess(data: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8.

    In Cyrillic and Chinese, high bytes come in runs; only in Cyrillic do the runs look like words
    in lower or upper case. On short texts this is right more often than charset-normalizer.
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    high = sum(map(len, runs))
    if 10 * data.decode("utf-8", "replace").count("\ufffd") < high:
        return "utf-8"
    if 2 * sum(len(run) for run in runs if len(run) > 1) <= high:
        return "cp1252"
    words = sum(len(run) for run in runs if _CYRILLIC.fullmatch(run))
    return "cp1251" if 2 * words > high else "gb18030"
