"""Answers, reports and progress for a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from assistant.show import excerpt, flat, line, plural, sources_of, split_statement
from assistant.types import Answer, Changes, Checked, Citation, Skipped, Standing, SyncReport

if TYPE_CHECKING:
    from tqdm import tqdm


_BOLD, _PLAIN = "\x1b[1m", "\x1b[22m"
_NAMES = 20


def to_text(answer: Answer, *, bold: bool = False) -> str:
    """For a terminal: the statements with their markers, then what each marker stands for.

    `bold` sets the words that answer in bold, with the codes of a terminal.
    """
    sources = sources_of(answer)
    blocks = [answer.abstention.explanation] if answer.abstention is not None else []
    for statement in answer.statements:
        markers = "".join(f"[{sources[citation]}]" for citation in statement.citations)
        before, words, after = (flat(part) for part in split_statement(statement))
        words = f"{_BOLD}{words}{_PLAIN}" if words and bold else words
        blocks.append(f"{before}{words}{after} {markers}")
    for source, number in sources.items():
        mark, words = (f"[{number}]", source.quote) if source.quote else ("Closest:", "")
        words = line(words) or excerpt(source.passage)
        blocks.append(f"{mark} {line(source.location)}\n    “{words}”")
    return "\n\n".join([*blocks, *(f"Note: {line(notice)}" for notice in answer.notices)])


def changes_to_text(changes: Changes) -> str:
    """What a sync would do, for a terminal."""
    kinds = {"new": changes.added, "changed": changes.changed, "removed": changes.removed}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    differs = f"The folder differs from the index: {counts}"
    head = differs if changes else "The index is as the folder is"
    return "\n".join([head, *_listed(kinds | _kept(changes.kept))])


def checked_to_text(checked: Mapping[Citation, Checked]) -> str:
    """What has become of saved citations, for a terminal: those that are not held, the counts."""
    lines = []
    for cited, (standing, location) in checked.items():
        if standing is not Standing.HELD:
            now = f" → {line(location)}" if location else ""
            lines += [f"{standing}: {line(cited.location)}{now}", f"    “{line(cited.quote)}”"]
    counts = Counter(standing for standing, _ in checked.values())
    return "\n".join([*lines, ", ".join(f"{counts[each]} {each}" for each in Standing)])


def report_to_text(report: SyncReport) -> str:
    """What a sync did, for a terminal."""
    changes = {"added": report.added, "changed": report.changed, "removed": report.removed}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in changes.items())
    files = len(report.added) + len(report.changed) + len(report.unchanged) + len(report.kept)
    lines = [
        f"Indexed {plural(files, 'file')}, {plural(report.passages, 'passage')} "
        f"({report.embedded} embedded) in {report.seconds:.1f} s: {counts}, "
        f"{len(report.unchanged)} unchanged, {len(report.skipped)} skipped"
        + (f", {len(report.kept)} kept as they were" if report.kept else "")
    ]
    lines += _listed(changes | _kept(report.kept))
    lines += [f"  skipped: {line(file.source)}: {line(file.reason)}" for file in report.skipped]
    lines += [f"  note: {line(source)}: {line(note)}" for source, note in report.notes]
    return "\n".join(lines)


def _listed(kinds: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for kind, names in kinds.items():
        yield from (f"  {kind}: {line(name)}" for name in names[:_NAMES])
        if len(names) > _NAMES:
            yield f"  {kind}: and {len(names) - _NAMES} more"


def _kept(kept: Sequence[Skipped]) -> dict[str, tuple[str, ...]]:
    names = (f"{file.source}: {file.reason}" for file in kept)
    return {"not available now, kept as it was": tuple(names)}


class Bar:
    """Progress as a bar on stderr, with the time left; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Move the bar of the step; a new step gets a new bar."""
        from tqdm import tqdm

        if what != self._what or self._bar is None:
            self.close()
            self._bar = tqdm(
                total=total, desc=what, leave=False, delay=0.3, dynamic_ncols=True, disable=None,
                bar_format="{desc}: {percentage:3.0f}% {bar} {elapsed}, {remaining} left",
            )  # fmt: skip
            self._what = what
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
