"""What can go wrong, said so that a person can act on it.

    AssistantError
    ├── KnowledgeMissing      no knowledge folder where it was looked for
    ├── QuestionRefused       nothing to ask, or too much (also a ValueError)
    ├── QuestionFileRefused   a file of questions to evaluate cannot be read (also a ValueError)
    ├── AnswerFileRefused     a file of saved answers cannot be read (also a ValueError)
    ├── FileRefused           a file is not added to the documents (also a ValueError)
    ├── SourceUnusable        a source is not there, or cannot be read or removed
    ├── OutputUnwritable      the output, or a file to be written, takes nothing
    ├── SettingRefused        a setting that cannot be used (also a ValueError)
    ├── ExtraMissing          a command needs a package that is not installed
    ├── AccountRefused        an account cannot be made or removed (also a ValueError)
    ├── AccountsUnreadable    the file of accounts is damaged, or not ours to read
    ├── AccountsMissing       a login is asked for, and there is no account
    ├── ModelUnavailable      a model is missing, damaged or not allowed
    ├── ModelFailed           a chat model is late, down, or talks nonsense
    ├── IndexBusy             another process is writing the index
    ├── IndexMismatch         the index was built by another recipe or a newer version
    ├── IndexDamaged          the index cannot be read, and was not rebuilt
    ├── IndexUnwritable       the disk is full, or the folder read-only
    ├── RemovalRefused        most documents are gone from the folder; nothing was removed yet
    ├── ConversationMissing   there is no conversation of that id
    ├── ConversationChanged   another window has saved it meanwhile
    ├── ConversationDamaged   its file cannot be read, and is left as it is
    ├── HistoryUnwritable     the disk or a limit does not let it be saved
    └── ServerUnusable        the Chroma server is down, slow, or holds what is not ours
        └── GenerationReplaced    another machine has published since

Not answering is no error: see `Abstention`. Each message says what, where, and what to do next.
"""

from pathlib import Path


class AssistantError(Exception):
    """Anything the assistant cannot do for you, with what to do about it."""


class KnowledgeMissing(AssistantError):
    """There is no folder of documents."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"No documents folder at {folder}, or none that can be read. Make it and add files, "
            "or name its parent with --home or ASSISTANT_HOME."
        )
        self.folder = folder


class QuestionRefused(AssistantError, ValueError):
    """The question is empty or too long to be one."""


class QuestionFileRefused(AssistantError, ValueError):
    """A file of questions to evaluate is not what it should be."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        place = f"line {line} of {path}" if line else str(path)
        super().__init__(
            f"Cannot evaluate {place}: {problem}. Each line is a JSON object, such as "
            '{"question": "What is the limit?", "quote": "100 euros"}.'
        )
        self.path = path
        self.line = line


class AnswerFileRefused(AssistantError, ValueError):
    """A file of saved answers is not what it should be."""

    def __init__(self, path: Path, number: int, problem: str) -> None:
        place = f"answer {number} of {path}" if number else str(path)
        super().__init__(
            f"Cannot check {place}: {problem} Save answers with assistant ask --json, one on each "
            "line."
        )
        self.path = path
        self.number = number


class FileRefused(AssistantError, ValueError):
    """A file is not added to the documents: nothing of it is kept."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"“{name}” was not added: {problem}.")
        self.name = name
        self.problem = problem


class SourceUnusable(AssistantError):
    """A source is not among the documents, or cannot be read or removed."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(
            f"“{source}” cannot be used: {problem}. Sync to see what the folder holds."
        )
        self.source = source


class OutputUnwritable(AssistantError):
    """What a command writes cannot be written where it is to go."""

    def __init__(self, place: str, error: OSError) -> None:
        super().__init__(f"{place} cannot be written: {error.strerror or error}.")
        self.place = place


class SettingRefused(AssistantError, ValueError):
    """A setting has a value that cannot be used."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(f"{name} is {value!r}; it must be {wanted}.")
        self.name = name
        self.value = value


class ExtraMissing(AssistantError):
    """A command needs an optional part of the installation."""

    def __init__(self, command: str, extra: str) -> None:
        super().__init__(
            f"{command} needs packages that are not installed. "
            f'Install them: pip install "agreement-assistant[{extra}]", or in a checkout, '
            f'pip install -c constraints.txt -e ".[{extra}]".'
        )
        self.command = command
        self.extra = extra


class AccountRefused(AssistantError, ValueError):
    """An account cannot be made or removed as asked."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"The account {name!r} was left as it is: {problem}.")
        self.name = name


class AccountsUnreadable(AssistantError):
    """The file of accounts cannot be read, so nobody may come in."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"The accounts in {path} cannot be read ({problem}), so nobody can log in. Put a copy "
            "back, or delete the file and add the accounts again: assistant account add NAME."
        )
        self.path = path


class AccountsMissing(AssistantError):
    """A login is asked for where there is no account."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no account in {path}, so nobody could log in. Make the first one: "
            "assistant account add NAME --may-change."
        )
        self.path = path


class ModelUnavailable(AssistantError):
    """A model cannot be loaded."""

    def __init__(self, model: str, problem: str, remedy: str) -> None:
        super().__init__(f"The model {model} cannot be used: {problem}. {remedy}")
        self.model = model


class ModelFailed(AssistantError):
    """A chat model did not do its part; answers are quoted without it."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"The model {model} {problem}.")
        self.model = model
        self.problem = problem


class IndexBusy(AssistantError):
    """Another process holds the writer's lock, or another machine was first on the server."""

    def __init__(self, index: Path | str, since: str = "") -> None:
        super().__init__(
            f"The index at {index} is already being rebuilt by another sync"
            f"{f' since {since}' if since else ''}. "
            "Questions go on with the old one; try again when it is done."
        )
        self.index = index
        self.since = since


class IndexMismatch(AssistantError):
    """The index was not made by this recipe: its vectors mean something else."""

    def __init__(self, index: Path | str, built: str, wanted: str, remedy: str) -> None:
        super().__init__(f"The index at {index} was built with {built}, not {wanted}. {remedy}")
        self.index = index
        self.built = built
        self.wanted = wanted


class IndexDamaged(AssistantError):
    """The index cannot be read."""

    def __init__(self, index: Path, problem: str) -> None:
        super().__init__(
            f"The index at {index} is damaged ({problem}). "
            "Rebuild it from your documents: assistant rebuild."
        )
        self.index = index


class IndexUnwritable(AssistantError):
    """The index cannot be written where it is; the old one still answers."""

    def __init__(self, index: Path, problem: str) -> None:
        super().__init__(
            f"The index at {index} cannot be written: {problem}. "
            "Nothing was lost: the old index still answers. Make room there, or pass --home."
        )
        self.index = index


class RemovalRefused(AssistantError):
    """A sync would remove more than half of the documents; the index is left as it is.

    `removed` of `total` documents of the index are no longer in the folder.
    """

    def __init__(self, folder: Path, removed: int, total: int) -> None:
        super().__init__(
            f"{removed} of {total} documents are no longer in {folder}; perhaps its drive is away. "
            "Nothing was changed: the index still answers from them. Bring them back, or, to "
            "remove them from the index: assistant sync --yes."
        )
        self.folder = folder
        self.removed = removed
        self.total = total


class ConversationMissing(AssistantError):
    """There is no conversation of that id, or it is another person's."""

    def __init__(self) -> None:
        super().__init__(
            "There is no such conversation; it may have been deleted in another window. "
            "Open one from the list, or begin a new one."
        )


class ConversationChanged(AssistantError):
    """The conversation was saved by another since it was read."""

    def __init__(self) -> None:
        super().__init__(
            "This conversation went on in another window. Nothing was overwritten: look at it "
            "as it is now, and try again."
        )


class ConversationDamaged(AssistantError):
    """A conversation's file cannot be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"The conversation in history/{path.parent.name}/{path.name} cannot be read: "
            f"{problem}. It was left as it is; bring the file back from a copy, or move it away."
        )
        self.path = path


class HistoryUnwritable(AssistantError):
    """A conversation or a thumb cannot be saved; what was saved before is as it was."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"The history could not be written: {problem}. What was saved before is still there."
        )
        self.path = path


class ServerUnusable(AssistantError):
    """The Chroma server does not answer, or not with an index of ours."""

    def __init__(self, server: str, problem: str, remedy: str) -> None:
        super().__init__(
            f"The index on the Chroma server {server} cannot be used: {problem}. {remedy}"
        )
        self.server = server


class GenerationReplaced(ServerUnusable):
    """A generation is no longer on the server."""

    def __init__(self, server: str) -> None:
        super().__init__(
            server,
            "the generation is gone, for another machine has published since",
            "Try again; if it stays so, sync where the documents are.",
        )
