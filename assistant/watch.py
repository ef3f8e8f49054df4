"""Follow the folder: sync whenever it has come to rest after a change."""

from collections.abc import Callable, Iterator
from pathlib import Path

from assistant.errors import AssistantError, KnowledgeMissing
from assistant.types import SyncReport

_REST = 1_000  # milliseconds without a change before a sync is worth it
_LONGEST = 30_000  # milliseconds to wait for that
_ANYWAY = 30_000  # milliseconds after which it looks anyway: some network folders tell nothing


def follow(folder: Path, sync: Callable[[], SyncReport]) -> Iterator[SyncReport | AssistantError]:
    """Sync now and after each change until interrupted: each report that has news, each error.

    What goes wrong is tried again later. Raises `KnowledgeMissing` once the folder is gone.
    """
    last = ""
    for outcome in _outcomes(folder, sync):
        news = outcome.generation if isinstance(outcome, SyncReport) else str(outcome)
        if news != last:
            yield outcome
        last = news


def _outcomes(
    folder: Path, sync: Callable[[], SyncReport]
) -> Iterator[SyncReport | AssistantError]:
    from watchfiles import watch

    yield _tried(sync)
    for _ in watch(
        folder,
        watch_filter=None,  # which files count is the scan's to say
        debounce=_LONGEST,
        step=_REST,
        rust_timeout=_ANYWAY,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        yield _tried(sync)


def _tried(sync: Callable[[], SyncReport]) -> SyncReport | AssistantError:
    try:
        return sync()
    except KnowledgeMissing:
        raise
    except AssistantError as error:
        return error
