"""Answers, reports and progress for a terminal."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack

from assistant.cite import Checked, Standing
from assistant.show import (
    MAY_BE_MEANT,
    emphasise_statement,
    excerpt,
    flat,
    line,
    plural,
    sources_of,
)
from assistant.types import Answer, Changes, Citation, Skipped, SyncReport


def to_text(answer: Answer, *, bold: bool = False) -> str:
    """For a terminal: the statements with their markers, then what each marker stands for.

    `bold` sets the words that answer in bold, with the codes of a terminal.
    """
    sources = sources_of(answer)
    blocks = [line(answer.refusal)] if answer.abstention is not None else []
    blocks += [MAY_BE_MEANT] if answer.candidates else []
    codes = ("\x1b[1m", "\x1b[22m") if bold else ("", "")
    for statement in answer.statements:
        markers = "".join(f"[{sources[citation]}]" for citation in statement.citations)
        blocks.append(f"{emphasise_statement(statement, flat, *codes)} {markers}")
    for source, number in sources.items():
        mark = f"[{number}]" if source.quote else "Closest:"
        words = line(source.quote) or excerpt(source.passage)
        blocks.append(f"{mark} {line(source.location)}\n    “{words}”")
    return "\n\n".join([*blocks, *(f"Note: {line(notice)}" for notice in answer.notices)])


def changes_to_text(changes: Changes) -> str:
    """What a sync would do, for a terminal."""
    files = _files("new", changes)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in files.items() if names)
    differs = f"The folder differs from the index: {counts}"
    head = differs if changes else "The index is as the folder is"
    return "\n".join([head, *_listed(files, changes.kept)])


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
    files = _files("added", report)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in files.items())
    count = len(report.added) + len(report.changed) + len(report.unchanged) + len(report.kept)
    kept = f", {len(report.kept)} kept as they were" if report.kept else ""
    lines = [
        f"Indexed {plural(count, 'file')}, {plural(report.passages, 'passage')} "
        f"({report.embedded} embedded) in {report.seconds:.1f} s: {counts}, "
        f"{len(report.unchanged)} unchanged, {len(report.skipped)} skipped{kept}",
        *_listed(files, report.kept),
    ]
    lines += [f"  skipped: {line(file.source)}: {line(file.reason)}" for file in report.skipped]
    lines += [f"  note: {line(source)}: {line(note)}" for source, note in report.notes]
    return "\n".join(lines)


def _files(new: str, report: Changes | SyncReport) -> dict[str, Sequence[str]]:
    return {new: report.added, "changed": report.changed, "removed": report.removed}


def _listed(files: Mapping[str, Sequence[str]], kept: Sequence[Skipped]) -> Iterator[str]:
    """The files of each kind by name, at most so many that a screen holds them."""
    names_kept = [f"{file.source}: {file.reason}" for file in kept]
    for kind, names in {**files, "not available now, kept as it was": names_kept}.items():
        yield from (f"  {kind}: {line(name)}" for name in names[:20])
        if len(names) > 20:
            yield f"  {kind}: and {len(names) - 20} more"


class Bar(ExitStack):
    """Progress as a bar on stderr, with the time left; nothing where that is no terminal."""

    _step = ""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Move the bar of the step; a new step gets a new bar."""
        from tqdm import tqdm

        if step != self._step:
            self.close()
            bar: tqdm[None] = tqdm(
                total=total, desc=step, leave=False, delay=0.3, dynamic_ncols=True, disable=None,
                bar_format="{desc}: {percentage:3.0f}% {bar} {elapsed}, {remaining} left",
            )  # fmt: skip
            self._step, self._bar = step, self.enter_context(bar)
        self._bar.update(done - self._bar.n)
