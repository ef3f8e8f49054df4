"""The commands `assistant account`: who may log in to the page.

The command line: answers on stdout, all else on stderr.

Exit status: 0 answered or done, 1 abstained or not held, 2 fault.
"""

import argparse
import atexit
import gc
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError, RemovalRefused, SettingRefused
from assistant.show.terminal import Bar
from assistant.web.accounts import SHORTEST, Account, Accounts

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.types import Answer, Changes, Citation, SyncReport


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add them to the commands, with the options all of them share."""
    account = commands.add_parser("account", help="say who may log in to the page")
    actions = account.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[shared], help="add a person; asks for the password")
    add.add_argument("name")
    add.add_argument("--may-change", action="store_true", help="they may change the sources too")
    add.set_defaults(run=_add)
    remove = actions.add_parser("remove", parents=[shared], help="remove a person")
    remove.add_argument("name")
    remove.set_defaults(run=_remove)
    listed = actions.add_parser("list", parents=[shared], help="list who may log in")
    listed.set_defaults(run=_list)


def _add(assistant: "Assistant", options: argparse.Namespace) -> int:
    accounts = Accounts(assistant.settings.accounts)
    account = accounts.add(options.name, _password(), may_change=options.may_change)
    print(f"Added {_described(account)} in {accounts.path}", file=sys.stderr)
    return 0


def _remove(assistant: "Assistant", options: argparse.Namespace) -> int:
    Accounts(assistant.settings.accounts).remove(options.name)
    print(f"Removed {options.name}", file=sys.stderr)
    return 0


def _list(assistant: "Assistant", options: argparse.Namespace) -> int:
    accounts = Accounts(assistant.settings.accounts).all().values()
    if options.json:
        print(json.dumps([asdict(account.person) for account in accounts]))
    else:
        print("\n".join(map(_described, accounts)) or "There are no accounts.")
    return 0


def _described(account: Account) -> str:
    return f"{account.name}, who may ask{' and change the sources' if account.may_change else ''}"


def _password() -> str:
    """Typed twice without being shown, or a line from a pipe; never an argument others can see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass(f"Password, {SHORTEST} characters or more: ")
    if getpass("The same once more: ") != password:
        raise SettingRefused("password", "…", "typed the same both times")
    return password


ANSWERED, ABSTAINED, FAULT = 0, 1, 2
HELD, NOT_HELD = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments, argparse.Namespace(home=None, json=False, yes=False))
    atexit.register(gc.freeze)  # the models' objects go with the process: tidying takes seconds
    try:
        from assistant.assistant import Assistant

        assistant = Assistant(options.home)
        return int(options.run(assistant, options))
    except AssistantError as error:
        print(f"assistant: {error}", file=sys.stderr)
        return FAULT
    except KeyboardInterrupt:
        print("assistant: stopped", file=sys.stderr)
        return FAULT


def _ask(assistant: "Assistant", options: argparse.Namespace) -> int:
    question = " ".join(options.question) or sys.stdin.read()
    return _print(assistant.ask(question, sources=options.source or None), options.json)


def _chat(assistant: "Assistant", options: argparse.Namespace) -> int:
    history: list[Answer] = []
    print("Ask your documents; an empty line ends it.", file=sys.stderr)
    while question := _prompt():
        try:
            answer = assistant.ask(question, history=history)
        except AssistantError as error:
            print(f"assistant: {error}", file=sys.stderr)
            continue
        history.append(answer)
        _print(answer, options.json)
    return ANSWERED


def _sync(assistant: "Assistant", options: argparse.Namespace) -> int:
    if options.dry_run:
        return _tell(assistant.changes(), options)
    if options.watch:
        return _watch(assistant, options)
    return _follow(assistant, options)


def _rebuild(assistant: "Assistant", options: argparse.Namespace) -> int:
    return _follow(assistant, options, rebuild=True)


def _follow(assistant: "Assistant", options: argparse.Namespace, *, rebuild: bool = False) -> int:
    with Bar() as bar:
        report = assistant.sync(rebuild=rebuild, remove_many=options.yes, progress=bar)
        return _tell(report, options)


def _watch(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.sync import follow

    sync = partial(assistant.sync, remove_many=options.yes)
    for outcome in follow(assistant.settings.knowledge, sync):
        if isinstance(outcome, AssistantError):
            print(f"assistant: {outcome}", file=sys.stderr, flush=True)
        else:
            _tell(outcome, options)
    return ANSWERED


def _tell(told: "SyncReport | Changes", options: argparse.Namespace) -> int:
    print(json.dumps(asdict(told)) if options.json else told, flush=True)
    return ANSWERED


def _status(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.show import line, plural
    from assistant.show.terminal import model_to_text

    status, model = assistant.status(), assistant.model_state()
    if options.json:
        print(json.dumps(asdict(status) | {"model": asdict(model) if model else None}))
        return ANSWERED
    documents = plural(len(status.documents), "document")
    print(f"{documents}, {plural(status.passages, 'passage')}, embedded by {status.embedder}")
    print(f"generation {status.generation}" if status.generation else "no index yet")
    for name in status.documents:
        print(f"  {line(name)}")
    for skip in status.skipped:
        print(f"  skipped: {line(skip.source)}: {line(skip.reason)}")
    if model:
        print(model_to_text(model))
    print("the folder is not there" if status.changes is None else status.changes)
    return ANSWERED


def _verify(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.show import line
    from assistant.show.terminal import checked_to_text
    from assistant.types import Standing
    from assistant.verify import read_answers

    answers = [answer for path in options.file for answer in read_answers(path)]
    problems = assistant.verify()
    checked = assistant.recheck(answers) if answers else {}
    if options.json:
        saved = [place._asdict() | _saved(cited) for cited, place in checked.items()]
        print(json.dumps({"index": problems, "citations": saved}))
    else:
        print("\n".join(f"index: {line(problem)}" for problem in problems or ["sound"]))
        print(checked_to_text(checked) if answers else "", end="\n" if answers else "")
    gone = any(place.standing is Standing.GONE for place in checked.values())
    return NOT_HELD if gone or problems else HELD


def _saved(cited: "Citation") -> dict[str, object]:
    return {"source": cited.source, "start": cited.start, "end": cited.end, "quote": cited.quote}


def _evaluate(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.evaluate import evaluate, plot, read_questions

    questions = read_questions(options.file)
    with Bar() as bar:
        assistant.sync(progress=bar)
        found = evaluate(assistant, questions, bar)
    if options.plot:
        options.plot.write_text(plot(found), encoding="utf-8")
    if options.each and not options.json:
        print(found.each(), end="\n\n")
    print(found.to_json() if options.json else found)
    return ANSWERED


def _feedback(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.history import latest_feedback, read_feedback
    from assistant.show import line

    found = read_feedback(assistant.settings.history)
    for given in latest_feedback(found.feedback):
        question = given.to_question()
        if question is not None:
            print(json.dumps(question))
        else:
            print(f"to look at: {line(given.question)}", file=sys.stderr)
            print(f"    {line(given.comment) or '(no comment)'}", file=sys.stderr)
    for problem in found.problems:
        print(f"assistant: {line(problem)}", file=sys.stderr)
    return FAULT if found.problems else ANSWERED


def _ui(assistant: "Assistant", options: argparse.Namespace) -> int:
    if assistant.settings.knowledge.is_dir() or not assistant.settings.chroma:
        try:
            _follow(assistant, options)  # the page begins with the folder as it is
        except RemovalRefused as error:  # the index answers; the page asks what to do
            print(f"assistant: {error}", file=sys.stderr)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    from assistant.web.app import serve

    serve(
        assistant,
        options.host,
        options.port,
        open_browser=options.open,
        auth=options.auth,
        address=options.address.rstrip("/"),
    )
    return ANSWERED


def _mcp(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.mcp import serve

    serve(assistant)
    return ANSWERED


def _print(answer: "Answer", as_json: bool) -> int:
    from assistant.show.terminal import to_text

    print(answer.to_json() if as_json else to_text(answer, bold=sys.stdout.isatty()))
    return ABSTAINED if answer.abstention else ANSWERED


def _prompt() -> str:
    print("> ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


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

    ask = commands.add_parser("ask", parents=[shared], help="answer one question")
    ask.add_argument("question", nargs="*", help="the question; read from stdin if not given")
    ask.add_argument("--source", action="append", help="answer from this document only")
    ask.set_defaults(run=_ask)

    chat = commands.add_parser("chat", parents=[shared], help="ask and ask on, in the terminal")
    chat.set_defaults(run=_chat)

    sync = commands.add_parser("sync", parents=[shared], help="make the index follow the folder")
    yes = "remove documents from the index even if most are gone from the folder"
    how = sync.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what would be done")
    how.add_argument("--watch", action="store_true", help="go on following it until interrupted")
    sync.add_argument("--yes", action="store_true", help=yes)
    sync.set_defaults(run=_sync)

    rebuild = commands.add_parser("rebuild", parents=[shared], help="build the index anew")
    rebuild.add_argument("--yes", action="store_true", help=yes)
    rebuild.set_defaults(run=_rebuild)

    status = commands.add_parser("status", parents=[shared], help="say what the index holds")
    status.set_defaults(run=_status)

    verify = commands.add_parser(
        "verify", parents=[shared], help="check the index, and saved answers against the folder"
    )
    verify.add_argument("file", type=Path, nargs="*", help="answers saved with ask --json")
    verify.set_defaults(run=_verify)

    evaluate = commands.add_parser(
        "evaluate", parents=[shared], help="measure the answers to a file of questions"
    )
    evaluate.add_argument("file", type=Path, help='JSON lines: {"question", "quote", …}')
    evaluate.add_argument("--plot", type=Path, help="write the refusal trade-off as SVG here")
    evaluate.add_argument("--each", action="store_true", help="list every question first")
    evaluate.set_defaults(run=_evaluate)

    feedback = commands.add_parser(
        "feedback",
        parents=[shared],
        help="print the thumbs given on the page as questions to evaluate",
        description="A thumb up says what is right: on an answer, a question with its quotes; on "
        "a refusal, one that cannot be answered. A thumb down does not, and is listed on stderr "
        "with its comment, to look at. The last thumb on a question counts. "
        "Use: assistant feedback > questions.jsonl; assistant evaluate questions.jsonl",
    )
    feedback.set_defaults(run=_feedback)

    ui = commands.add_parser("ui", parents=[shared], help="serve the chat page")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, help="port to listen on (7860, or the next free one)")
    ui.add_argument("--open", action="store_true", help="open it in the browser")
    ui.add_argument("--auth", action="store_true", help="ask for a login (assistant account)")
    ui.add_argument(
        "--address", default="", help="where a proxy before it is: https://ask.example.org"
    )
    ui.set_defaults(run=_ui)

    mcp = commands.add_parser(
        "mcp", parents=[shared], help="be a tool of other programs (MCP over stdin and stdout)"
    )
    mcp.set_defaults(run=_mcp)

    add_commands(commands, shared)
    return parser
