"""The zip archives that Office files and EPUBs are, judged before they are unpacked."""

from io import BytesIO
from zipfile import BadZipFile, ZipFile

from assistant.load.parsed import Refused

_ENTRIES = 10_000
_BYTES = 200 * 2**20
_RATIO = 100
_SMALL = 2**20  # bytes that may be packed as tightly as they like
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of old and of encrypted Office files
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def archive(data: bytes, kind: str) -> ZipFile:
    """The archive, which is read in memory only. Raises `Refused` for what it would unpack to."""
    if data.startswith(_OLE):
        locked = _ENCRYPTED in data
        raise Refused("password protected" if locked else f"an old format: save it as {kind}")
    try:
        opened = ZipFile(BytesIO(data))
    except (BadZipFile, ValueError, OSError, NotImplementedError):
        raise Refused(f"damaged {kind}") from None
    entries = opened.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > _ENTRIES or total > max(_SMALL, min(_BYTES, _RATIO * len(data))):
        raise Refused("too large when opened")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("password protected")
    return opened
