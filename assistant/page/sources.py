"""What stands under the tab "Sources": the documents that answer."""

from assistant.page.parts import Parts
from assistant.page.talk import Conversation


def place(parts: Parts, talk: Conversation) -> None:
    """Make the components under the tab, and tie them to their events."""
