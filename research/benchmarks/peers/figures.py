"""What all figures have in common: their arguments, their heads, and what is kept of them."""

import argparse
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from research.benchmarks.peers.processes import PRODUCTS, Place, workers


class Record:
    """Results as JSON lines, appended to a file; nothing where no file is given."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path:
            path.write_text("", encoding="utf-8")

    def add(self, **values: object) -> None:
        """Keep one result."""
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                print(json.dumps(values, ensure_ascii=False), file=file)


def options(description: str | None) -> argparse.ArgumentParser:
    """The arguments that all figures have."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", required=True, help="the Python of the peers' environment")
    parser.add_argument("--products", nargs="+", choices=PRODUCTS, default=list(PRODUCTS))
    parser.add_argument("--work", type=Path, help="keep the indexes here")
    parser.add_argument("--json", type=Path, help="keep the results here, a JSON line each")
    return parser


@contextmanager
def workplace(given: Path | None) -> Iterator[Path]:
    """The folder where homes are made: the one given, which is kept, or a passing one."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
    else:
        with TemporaryDirectory() as folder:
            yield Path(folder)


def head(place: Place, products: Sequence[str]) -> str:
    """The machine and the versions, for the top of a table."""
    versions = dict[str, str]()
    with workers(place, products) as started:
        for worker in started:
            versions |= worker.ask("describe")["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}\n{said}\n"
    )
