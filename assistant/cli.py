"""The command line: answers on stdout, all else on stderr.

Exit status: 0 answered or done, 1 abstained, 2 fault.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import AssistantError
from assistant.progress import Bar

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.types import Answer

ANSWERED, ABSTAINED, FAULT = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        from assistant.assistant import Assistant

        assistant = Assistant(options.home)
        return int(options.run(assistant, options))
    except AssistantError as error:
        print(f"assistant: {error}", file=sys.stderr)
        return FAULT
    except KeyboardInterrupt:
        print(file=sys.stderr)
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
    with Bar() as bar:
        report = assistant.sync(anew=options.command == "rebuild", progress=bar)
    print(json.dumps(asdict(report)) if options.json else report)
    return ANSWERED


def _status(assistant: "Assistant", options: argparse.Namespace) -> int:
    from assistant.show import line, plural

    status = assistant.status()
    if options.json:
        print(json.dumps(asdict(status)))
        return ANSWERED
    documents = plural(len(status.documents), "document")
    print(f"{documents}, {plural(status.passages, 'passage')}, embedded by {status.embedder}")
    print(f"generation {status.generation}" if status.generation else "no index yet")
    for name in status.documents:
        print(f"  {line(name)}")
    for skip in status.skipped:
        print(f"  skipped: {line(skip.source)}: {line(skip.reason)}")
    return ANSWERED


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


def _ui(assistant: "Assistant", options: argparse.Namespace) -> int:
    if assistant.settings.knowledge.is_dir() or not assistant.settings.chroma:
        _sync(assistant, options)  # the page begins with the folder as it is
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
    from assistant.page import serve

    serve(assistant, options.host, options.port, open_browser=options.open)
    return ANSWERED


def _print(answer: "Answer", as_json: bool) -> int:
    from assistant.show import to_text

    print(answer.to_json() if as_json else to_text(answer, bold=sys.stdout.isatty()))
    return ABSTAINED if answer.abstention else ANSWERED


def _prompt() -> str:
    print("> ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", help="folder that holds knowledge/ and index/ (here)")
    shared.add_argument("--json", action="store_true", help="print JSON")
    parser = argparse.ArgumentParser(
        prog="assistant",
        description="Ask a folder of documents; every statement cites the exact words.",
        epilog="Exit status: 0 answered or done, 1 abstained, 2 fault.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", parents=[shared], help="answer one question")
    ask.add_argument("question", nargs="*", help="the question; read from stdin if not given")
    ask.add_argument("--source", action="append", help="answer from this document only")
    ask.set_defaults(run=_ask)

    chat = commands.add_parser("chat", parents=[shared], help="ask and ask on, in the terminal")
    chat.set_defaults(run=_chat)

    for name, text in (("sync", "follow the folder"), ("rebuild", "build anew from the folder")):
        sync = commands.add_parser(name, parents=[shared], help=f"make the index {text}")
        sync.set_defaults(run=_sync)

    status = commands.add_parser("status", parents=[shared], help="say what the index holds")
    status.set_defaults(run=_status)

    evaluate = commands.add_parser(
        "evaluate", parents=[shared], help="measure the answers to a file of questions"
    )
    evaluate.add_argument("file", type=Path, help='JSON lines: {"question", "quote", …}')
    evaluate.add_argument("--plot", type=Path, help="write the refusal trade-off as SVG here")
    evaluate.add_argument("--each", action="store_true", help="list every question first")
    evaluate.set_defaults(run=_evaluate)

    ui = commands.add_parser("ui", parents=[shared], help="serve the chat page")
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    ui.add_argument("--port", type=int, help="port to listen on (7860, or the next free one)")
    ui.add_argument("--open", action="store_true", help="open it in the browser")
    ui.set_defaults(run=_ui)
    return parser
