"""What a browser asks for beside questions: JSON, of which nothing is believed."""

import json

from assistant.errors import ConversationChanged, ConversationMissing
from assistant.page.talk import Turns

Wish = dict[str, str | int]


def parsed(sent: object) -> Wish:
    """The wish that was sent; an empty one if it is none."""
    try:
        wish = json.loads(str(sent))
    except (ValueError, RecursionError):
        return {}
    pairs = wish.items() if isinstance(wish, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str | int)}


def number_of(wish: Wish, turns: Turns) -> int:
    """Which turn is meant, from 0. Raises `ConversationChanged` where there is none such."""
    number = wish.get("turn")
    if type(number) is not int or not 0 <= number < len(turns):
        raise ConversationChanged
    return number


def key_of(wish: Wish) -> str:
    """The id that is meant; the history looks whether it is one."""
    key = wish.get("key")
    if not isinstance(key, str):
        raise ConversationMissing
    return key
