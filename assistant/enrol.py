"""The commands `assistant account`: who may log in to the page."""

import argparse
import json
import sys
from dataclasses import asdict
from getpass import getpass
from typing import TYPE_CHECKING, Any

from assistant.accounts import SHORTEST, Account, Accounts
from assistant.errors import SettingRefused

if TYPE_CHECKING:
    from assistant.assistant import Assistant


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
