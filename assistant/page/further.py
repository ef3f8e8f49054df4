"""Questions to go on with: what else the passages are about that were read for the last answer."""

from collections.abc import Iterable

from assistant import show
from assistant.page.talk import Turns
from assistant.types import Answer

MOST = 3


def further(turns: Turns) -> list[str]:
    """Questions about the headings near the last answer, without those that were asked."""
    answer = turns[-1].answer if turns and not turns[-1].reading else None
    if answer is None:
        return []
    asked = {turn.question for turn in turns}
    questions = (f"What is said about “{show.line(each)}”?" for each in _headings(answer))
    return [question for question in dict.fromkeys(questions) if question not in asked][:MOST]


def as_links(questions: Iterable[str]) -> str:
    """The questions as HTML; conversations.js asks the one that is chosen."""
    items = "".join(
        f'<li><a class="ask" href="#ask">{show.escape(each)}</a></li>' for each in questions
    )
    return f'<ul class="further">{items}</ul>' if items else ""


def _headings(answer: Answer) -> Iterable[str]:
    cited = (citation.passage for citation in answer.citations)
    near = (hit.passage for hit in answer.closest)
    return (passage.heading for passage in (*cited, *near) if passage.heading.strip())
