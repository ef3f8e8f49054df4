"""The list of conversations as HTML."""

from assistant import show
from assistant.history import Entry, Listed

MOST = 300
"""Conversations in the list; the older ones are counted."""


def listing(listed: Listed, current: str) -> str:
    """The conversations, the one of the id `current` marked, and what is wrong with others."""
    entries, problems = listed
    more = len(entries) - MOST
    notes = [f"and {show.plural(more, 'older conversation')}"] if more > 0 else []
    if not entries:
        notes.append("What you ask is kept here.")
    items = "".join(_item(each, each.id == current) for each in entries[:MOST])
    aside = "".join(f'<p class="aside">{show.escape(note)}</p>' for note in (*notes, *problems))
    return f'<div class="talks"><ul>{items}</ul>{aside}</div>'


def _item(entry: Entry, is_now: bool) -> str:
    title = show.escape(entry.title) or "Untitled"
    return f'<li><a class="talk{" now" * is_now}" href="#c-{entry.id}">{title}</a></li>'
