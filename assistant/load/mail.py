"""Mail: who wrote what to whom, and when."""

import re
from typing import TYPE_CHECKING

from assistant.load.builder import DocumentBuilder, Parsed, Refused
from assistant.load.html import write
from assistant.load.plain import clean, decode

if TYPE_CHECKING:
    from email.message import EmailMessage

_FIELDS = ("From", "To", "Cc", "Date")
_LOCKED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
_BLANK_LINES = re.compile(r"\r?\n(?:[ \t]*\r?\n)+")


def eml(data: bytes) -> Parsed:
    """A .eml: the fields a reader sees, then the body, as text if it has one."""
    from email import message_from_bytes, policy
    from email.message import EmailMessage

    message = message_from_bytes(data, policy=policy.default)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise Refused("damaged mail")
    if message.get_content_type() in _LOCKED:
        raise Refused("password protected")
    composer = DocumentBuilder()
    fields = (f"{name}: {_field(message, name)}" for name in _FIELDS if _field(message, name))
    composer.block("; ".join(fields))
    notes = _body(composer, message)
    files = [clean(part.get_filename("no name")) for part in message.iter_attachments()]
    unread = (f"attachments not read: {', '.join(files)}",) if files else ()
    return composer.finish(_field(message, "Subject"), notes + unread)


def _body(composer: DocumentBuilder, message: "EmailMessage") -> tuple[str, ...]:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ()
    found = part.get_payload(decode=True)
    charset = str(part.get_content_charset() or "")
    try:
        text, notes = decode(found if isinstance(found, bytes) else b"", charset)
    except Refused:  # an empty body: what is in the fields is all there is
        return ()
    if part.get_content_type() == "text/html":
        write(composer, text)
    else:
        for paragraph in _BLANK_LINES.split(text):
            composer.block(paragraph.strip())
    return notes


def _field(message: "EmailMessage", name: str) -> str:
    return clean(" ".join(str(message.get(name, "")).split()))
