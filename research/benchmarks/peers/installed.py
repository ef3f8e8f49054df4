"""How large an installation is."""

from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def megabytes(names: Sequence[str]) -> float:
    """MB of distributions and all they require here, without compiled files.

    The files of an editable installation are not counted: they are not where it is installed.
    """
    sizes = {each.name: _size(each) for name in names for each in closure(Requirement(name))}
    return sum(sizes.values()) / 2**20


def closure(wanted: Requirement, seen: set[str] | None = None) -> Iterator[Distribution]:
    """A distribution and all it requires in this environment."""
    seen = set() if seen is None else seen
    for extra in ("", *wanted.extras):
        key = f"{canonicalize_name(wanted.name)}[{extra}]"
        if key in seen:
            continue
        seen.add(key)
        try:
            found = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # wanted on other machines only
        yield found
        for line in found.requires or ():
            required = Requirement(line)
            if not required.marker or required.marker.evaluate({"extra": extra}):
                yield from closure(required, seen)


def _size(found: Distribution) -> int:
    paths = [Path(str(found.locate_file(file))) for file in found.files or ()]
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())
