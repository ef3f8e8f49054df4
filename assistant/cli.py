"""The command line: answers on stdout, all else on stderr.

Exit status: 0 answered or done, 1 abstained or not held, 2 fault.
"""

import argparse
import atexit
import gc
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, OutputUnwritable, RemovalRefused, SettingRefused
from assistant.show import line, plural
from assistant.show.terminal import Bar, checked_to_text, to_text

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.types import Answer, Changes, SyncReport
    from assistant.web.accounts import Account

ANSWERED, ABSTAINED, FAULT = 0, 1, 2
HELD, NOT_HELD = 0, 1
Command = Callable[["Assistant", argparse.Namespace], int | None]
"""A command: does its work, and returns the exit status where it is not always 0."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    _prepare_streams()
    atexit.register(gc.freeze)  # the models' objects go with the process: tidying takes seconds
    try:
        options = _parse(arguments)
        from assistant.assistant import Assistant

        command: Command = options.run
        return command(Assistant(options.home), options) or ANSWERED
    except AssistantError as error:
        _complain(error)
    except KeyboardInterrupt:
        _complain("stopped")
    return FAULT


def _prepare_streams() -> None:
    """Let a stream be closed, or unable to show every character."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace")):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=errors)


def _print(text: object = "", *, end: str = "\n") -> None:
    """Print on stdout, at once. Raises `OutputUnwritable`, `SystemExit` where nobody reads on."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        with Path(os.devnull).open("wb") as nowhere:  # else it is tried again at the exit
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(FAULT) from None
        raise OutputUnwritable("the standard output", error) from None


def _complain(problem: object) -> None:
    _note(f"assistant: {problem}")


def _note(text: object, *, end: str = "\n") -> None:
    """Print on stderr, where somebody still reads it."""
    with suppress(OSError):
        print(text, end=end, file=sys.stderr, flush=True)


def _read_line() -> str:
    try:
        return sys.stdin.readline()
    except OSError as error:
        raise AssistantError(f"The standard input cannot be read: {error.strerror}.") from None


def _ask(assistant: "Assistant", options: argparse.Namespace) -> int:
    question = " ".join(options.question) or "".join(iter(_read_line, ""))
    answer = assistant.ask(question, sources=options.source or None)
    _print_answer(answer, options)
    return ABSTAINED if answer.abstention and not answer.reply else ANSWERED


def _print_answer(answer: "Answer", options: argparse.Namespace) -> None:
    _print(answer.to_json() if options.json else to_text(answer, bold=sys.stdout.isatty()))


def _chat(assistant: "Assistant", options: argparse.Namespace) -> None:
    history: list[Answer] = []
    _note("Ask your documents; an empty line ends it.")
    while True:
        _note("> ", end="")
        if not (question := _read_line().strip()):
            return
        try:
            history.append(assistant.ask(question, history=history))
        except AssistantError as error:
            _complain(error)
            continue
        _print_answer(history[-1], options)


def _sync(assistant: "Assistant", options: argparse.Namespace) -> None:
    from assistant.sync import follow

    outcomes: Iterable[SyncReport | Changes | AssistantError]
    if options.dry_run:
        outcomes = [assistant.changes()]
    elif options.watch:
        sync = partial(assistant.sync, remove_many=options.yes)
        outcomes = follow(assistant.settings.knowledge, sync)
    else:
        with Bar() as bar:
            report = assistant.sync(rebuild=options.rebuild, remove_many=options.yes, progress=bar)
        outcomes = [report]
    for outcome in outcomes:
        if isinstance(outcome, AssistantError):
            _complain(outcome)
        else:
            _print(json.dumps(asdict(outcome)) if options.json else outcome)


def _status(assistant: "Assistant", options: argparse.Namespace) -> None:
    status, model = assistant.status(), assistant.model_state()
    if options.json:
        _print(json.dumps(asdict(status) | {"model": asdict(model) if model else None}))
        return
    documents = plural(len(status.documents), "document")
    _print(f"{documents}, {plural(status.passages, 'passage')}, embedded by {status.embedder}")
    _print(f"generation {status.generation}" if status.generation else "no index yet")
    for name in status.documents:
        _print(f"  {line(name)}")
    for skip in status.skipped:
        _print(f"  skipped: {line(skip.source)}: {line(skip.reason)}")
    if model:
        at = f" at {line(model.url)}" if model.url else ""
        answers = "it answers" if model.answers else line(model.problem)
        _print(f"answers are worded by {line(model.model)}{at}: {answers}")
    _print("the folder is not there" if status.changes is None else status.changes)


def _verify(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.cite import Standing, read_answers

    answers = [answer for path in options.file for answer in read_answers(path)]
    problems = assistant.verify()
    checked = assistant.recheck(answers) if answers else {}
    if options.json:
        names = ("source", "start", "end", "quote")
        citations = [
            place._asdict() | {name: getattr(cited, name) for name in names}
            for cited, place in checked.items()
        ]
        _print(json.dumps({"index": problems, "citations": citations}))
    else:
        _print("\n".join(f"index: {line(problem)}" for problem in problems or ["sound"]))
        if answers:
            _print(checked_to_text(checked))
    gone = any(place.standing is Standing.GONE for place in checked.values())
    return NOT_HELD if gone or problems else HELD


def _evaluate(assistant: "Assistant", options: argparse.Namespace) -> None:
    from assistant.evaluate import evaluate, plot, read_questions

    questions = read_questions(options.file)
    if options.plot:
        _write_file(options.plot, "", mode="a")  # found out before the run, not after it
    with Bar() as bar:
        assistant.sync(progress=bar)
        evaluation = evaluate(assistant, questions, bar)
    if options.each and not options.json:
        _print(evaluation.each(), end="\n\n")
    _print(evaluation.to_json() if options.json else evaluation)
    if options.plot:
        _write_file(options.plot, plot(evaluation))


def _write_file(path: Path, text: str, *, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputUnwritable(str(path), error) from None


def _feedback(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.history import latest_feedback, read_feedback

    feedback, problems = read_feedback(assistant.settings.history)
    for given in latest_feedback(feedback):
        question = given.to_question()
        if question is not None:
            _print(json.dumps(question))
        else:
            _note(f"to look at: {line(given.question)}")
            _note(f"    {line(given.comment) or '(no comment)'}")
    for problem in problems:
        _complain(line(problem))
    return FAULT if problems else ANSWERED


def _ui(assistant: "Assistant", options: argparse.Namespace) -> None:
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    from assistant.web.app import check_options, start
    from assistant.web.chat import TITLE

    where: dict[str, Any] = {"auth": options.auth, "address": options.address.rstrip("/")}
    check_options(assistant.settings, options.host, options.port, **where)
    if assistant.settings.knowledge.is_dir() or not assistant.settings.chroma:
        try:
            _sync(assistant, options)  # the page begins with the folder as it is
        except RemovalRefused as error:  # the index answers; the page asks what to do
            _complain(error)
    page = start(assistant, options.host, options.port, browse=options.open, **where)
    _print(f"{TITLE}: {where['address'] or page.local_url} (Ctrl+C ends it)")
    page.block_thread()


def _mcp(assistant: "Assistant", options: argparse.Namespace) -> None:
    from assistant.mcp import serve

    serve(assistant)


def _account(assistant: "Assistant", options: argparse.Namespace) -> None:
    from assistant.web.accounts import SHORTEST, Accounts

    accounts = Accounts(assistant.settings.accounts)
    if options.action == "add":
        password = _read_password(f"Password, {SHORTEST} characters or more: ")
        account = accounts.add(options.name, password, may_change=options.may_change)
        _note(f"Added {_described(account)} in {accounts.path}")
    elif options.action == "remove":
        accounts.remove(options.name)
        _note(f"Removed {options.name}")
    elif options.json:
        _print(json.dumps([asdict(each.person) for each in accounts.all().values()]))
    else:
        described = map(_described, accounts.all().values())
        _print("\n".join(described) or "There are no accounts.")


def _read_password(prompt: str) -> str:
    if not sys.stdin.isatty():  # a line from a pipe; never an argument, which others can see
        password = _read_line().rstrip("\r\n")
    else:
        password = getpass(prompt)
        if getpass("The same once more: ") != password:
            raise SettingRefused("password", "…", "typed the same both times")
    if "\ufffd" in password:
        raise SettingRefused("password", "…", "text in UTF-8")
    return password


def _described(account: "Account") -> str:
    return f"{account.name}, who may ask{' and change the sources' if account.may_change else ''}"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        flags = dict.fromkeys(("json", "yes", "rebuild", "dry_run", "watch"), False)
        return _parser().parse_args(arguments, argparse.Namespace(home=None, **flags))
    except SystemExit:
        _print(end="")  # the help may go to somebody who has stopped reading it
        raise


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    not_given = argparse.SUPPRESS  # what stands before the command is not undone after it
    where = "folder that holds knowledge/ and index/ (here)"
    shared.add_argument("--home", default=not_given, help=where)
    shared.add_argument("--json", action="store_true", default=not_given, help="print JSON")
    parser = argparse.ArgumentParser(
        prog="assistant",
        parents=[shared],
        description="Ask a folder of documents; every statement cites the exact words.",
        epilog="Exit status: 0 answered or done, 1 abstained or not held, 2 fault.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        name: str, run: Command, help: str, to: "argparse._SubParsersAction[Any]" = commands
    ) -> argparse.ArgumentParser:
        """Add a command, with the options all of them share."""
        command: argparse.ArgumentParser = to.add_parser(name, parents=[shared], help=help)
        command.set_defaults(run=run)
        return command

    ask = add("ask", _ask, "answer one question")
    ask.add_argument("question", nargs="*", help="the question; read from stdin if not given")
    ask.add_argument("--source", action="append", help="answer from this document only")
    add("chat", _chat, "ask and ask on, in the terminal")
    sync = add("sync", _sync, "make the index follow the folder")
    how = sync.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what would be done")
    how.add_argument("--watch", action="store_true", help="go on following it until interrupted")
    rebuild = add("rebuild", _sync, "build the index anew")
    rebuild.set_defaults(rebuild=True)
    yes = "remove documents from the index even if most are gone from the folder"
    for command in (sync, rebuild):
        command.add_argument("--yes", action="store_true", help=yes)
    add("status", _status, "say what the index holds")
    verify = add("verify", _verify, "check the index, and saved answers against the folder")
    verify.add_argument("file", type=Path, nargs="*", help="answers saved with ask --json")
    evaluate = add("evaluate", _evaluate, "measure the answers to a file of questions")
    evaluate.add_argument("file", type=Path, help='JSON lines: {"question", "quote", …}')
    evaluate.add_argument("--plot", type=Path, help="write the refusal trade-off as SVG here")
    evaluate.add_argument("--each", action="store_true", help="list every question first")
    thumbs = "print the thumbs given on the page as questions to evaluate"
    feedback = add("feedback", _feedback, thumbs)
    feedback.description = (
        "A thumb up says what is right: on an answer, a question with its quotes; on "
        "a refusal, one that cannot be answered. A thumb down does not, and is listed on stderr "
        "with its comment, to look at. The last thumb on a question counts. "
        "Use: assistant feedback > questions.jsonl; assistant evaluate questions.jsonl"
    )
    ui = add("ui", _ui, "serve the chat page")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, help="port to listen on (7860, or the next free one)")
    ui.add_argument("--open", action="store_true", help="open it in the browser")
    ui.add_argument("--auth", action="store_true", help="ask for a login (assistant account)")
    proxy = "where a proxy before it is: https://ask.example.org"
    ui.add_argument("--address", default="", help=proxy)
    add("mcp", _mcp, "be a tool of other programs (MCP over stdin and stdout)")

    account = commands.add_parser("account", help="say who may log in to the page")
    actions = account.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = add("add", _account, "add a person; asks for the password", actions)
    new.add_argument("name")
    new.add_argument("--may-change", action="store_true", help="they may change the sources too")
    add("remove", _account, "remove a person", actions).add_argument("name")
    add("list", _account, "list who may log in", actions)
    return parser
