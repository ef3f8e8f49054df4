"""A pool of child processes in which files are parsed, so that a bad file costs one file.

A child that is too slow is ended; one that died, or has read many files, is replaced.
"""

import subprocess
import sys
from queue import LifoQueue
from threading import Event, Timer

from assistant.load import child
from assistant.load.formats import parse, simple
from assistant.load.parsed import Parsed, Refused

SECONDS = 20.0
"""The longest that a file may take."""
_HARMFUL = "could not be opened: too large or harmful"
_FILES = 500  # read by one child: whatever a library leaks, it leaks no longer
_REST = 200_000_000  # bytes of the JSON that may come beside a text
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from assistant.load.child import main; main()"


class Parsers:
    """So many children, started when they are needed. `parse` is safe from several threads."""

    def __init__(self, count: int) -> None:
        self._idle: LifoQueue[_Child] = LifoQueue()
        self._all = [_Child() for _ in range(count)]
        for each in self._all:
            self._idle.put(each)

    def parse(self, suffix: str, data: bytes) -> Parsed:
        """What a file with this suffix and content says. Raises `Refused`."""
        if simple(suffix, data):
            return parse(suffix, data)
        one = self._idle.get()
        try:
            return one.parse(suffix, data)
        finally:
            self._idle.put(one)

    def stop(self) -> None:
        """End whatever the children are doing."""
        for each in self._all:
            each.stop()

    def close(self) -> None:
        """End the children. Nobody may be waiting for one."""
        for each in self._all:
            each.end()


class _Child:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    def parse(self, suffix: str, data: bytes) -> Parsed:
        process = self._started()
        late = Event()

        def expire() -> None:
            late.set()
            process.kill()

        timer = Timer(SECONDS, expire)
        timer.start()
        try:
            return self._asked(process, suffix, data)
        except (OSError, ValueError):
            self.end()
            slow = "took too long to open" if late.is_set() else _HARMFUL
            raise Refused(slow) from None
        finally:
            timer.cancel()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, process: "subprocess.Popen[bytes]", suffix: str, data: bytes) -> Parsed:
        assert process.stdin is not None
        assert process.stdout is not None
        child.send(process.stdin, suffix.encode())
        child.send(process.stdin, data)
        text = child.receive(process.stdout, 4 * child.CHARACTERS)
        rest = child.receive(process.stdout, _REST)
        if text is None or rest is None:
            raise ValueError("no answer")
        return child.parsed(text, rest)

    def _started(self) -> "subprocess.Popen[bytes]":
        self._files += 1
        if self._process is None or self._files > _FILES:
            self.end()
            self._files = 1
            self._process = subprocess.Popen(  # noqa: S603 (our own code; the file is its input)
                [sys.executable, "-B", "-P", "-c", _CODE, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process
