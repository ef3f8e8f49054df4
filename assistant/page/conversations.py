"""What stands in the left column: the conversations."""

from assistant.page.parts import Parts
from assistant.page.talk import Conversation


def place(parts: Parts, talk: Conversation) -> None:
    """Make the components of the column, and tie them to their events."""
