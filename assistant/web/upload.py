"""Takes the files that are added on the page: one a request, as its body, never more than allowed.

Gradio's own upload keeps what it is sent in a folder that it serves. Here a file lies where nobody
else may read, until it is judged, and then no more.
"""

import asyncio
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import gradio as gr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from assistant.errors import FileRefused
from assistant.web.queue import person
from assistant.web.security import UPLOAD

if TYPE_CHECKING:
    from assistant.assistant import Assistant

_AT_ONCE = 2
"""Files that are judged together; each may take a gigabyte for some seconds."""
_BYTES = "application/octet-stream"  # no form on another site can send this
_log = logging.getLogger(__name__)


class Upload:
    """Makes a file of the folder of what is sent to `UPLOAD`."""

    def __init__(self, assistant: "Assistant") -> None:
        self._assistant = assistant
        self._judging = asyncio.Semaphore(_AT_ONCE)

    async def take(self, request: Request) -> Response:
        """Store the body, and answer in words what became of it."""
        if not person(gr.Request(request)).may_change:
            return PlainTextResponse("Refused: this account may ask, and change nothing.", 403)
        if request.headers.get("content-type") != _BYTES:
            return PlainTextResponse("Refused: a file is sent by the page, as it is.", 403)
        with TemporaryDirectory(prefix="assistant-upload-") as folder:  # mode 0700
            path = Path(folder) / "file"
            if not await self._keep(request, path):
                return PlainTextResponse("Refused: the file is too large, or came in part.", 413)
            told, stored = await self._add(path, request.query_params.get("name", ""))
        return JSONResponse({"told": told, "stored": stored})

    async def _keep(self, request: Request, path: Path) -> bool:
        """Write the body as it comes; whether it is all there, and not too much."""
        size = 0
        try:
            with path.open("xb") as file:
                async for part in request.stream():
                    size += file.write(part)
                    if size > self._assistant.settings.file_bytes:
                        return False
        except ClientDisconnect:
            return False
        return True

    async def _add(self, path: Path, name: str) -> tuple[str, bool]:
        """What became of it, in words, and whether the folder holds it now."""
        async with self._judging:
            try:
                added = await asyncio.to_thread(self._assistant.library.add, path, name)
            except FileRefused as refusal:
                return str(refusal), False
            except Exception as error:
                _log.error("A file could not be added", exc_info=error)
                return "Something went wrong here; the details are in the log.", False
        return str(added), True  # one that was there may still have to be indexed


def routes(assistant: "Assistant") -> list[Route]:
    """Where the page sends files. Gradio's own upload under that name is never reached."""
    return [Route(UPLOAD, Upload(assistant).take, methods=["POST"])]
