from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from assistant.assistant import Assistant
from assistant.chain import PassageRetriever
from assistant.retrieve import LOOKED_AT, boost_proximity, fuse
from assistant.types import Hit, Passage, Span


def passage(name: str) -> Passage:
    return Passage(name, 0, 1, "x", (Span(0, 1),))


A, B, C = map(passage, "abc")


def test_what_both_searches_find_comes_first() -> None:
    hits = fuse([(A, 0.9), (B, 0.8)], [(B, 12.0), (C, 11.0)])
    assert [hit.passage for hit in hits] == [B, C, A]
    assert (hits[0].dense, hits[0].lexical) == (0.8, 1.0)
    assert hits[0].score == pytest.approx(0.9)


def test_scores_stay_between_0_and_1_and_ties_are_settled() -> None:
    hits = fuse([(B, -0.2), (A, -0.2)], [])
    assert [hit.passage for hit in hits] == [A, B]
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert fuse([], []) == []


def test_of_equal_passages_the_one_that_keeps_words_together_comes_first() -> None:
    hits = [Hit(A, 0.5), Hit(B, 0.4), Hit(C, 0.4)]
    words = {A: "from here to move", B: "we move home", C: "they move from here"}
    found = boost_proximity(hits, "Where did they move from?", lambda _: words)
    assert [hit.passage for hit in found] == [C, A, B]
    assert [hit.score for hit in found] == pytest.approx([0.6, 0.5, 0.4])
    assert boost_proximity(hits, "Move?", lambda _: words) == hits


def test_neighbours_are_looked_for_in_the_best_passages_only() -> None:
    hits = [Hit(passage(f"{i:02}"), 0.5) for i in range(LOOKED_AT + 5)]
    found = boost_proximity(hits, "Trade grew", lambda asked: dict.fromkeys(asked, "trade grew"))
    assert [hit.score > 0.5 for hit in found] == [True] * LOOKED_AT + [False] * 5


class TestStandard(RetrieversIntegrationTests):
    """LangChain's own tests of a retriever."""

    @pytest.fixture(autouse=True)
    def _filled(self, assistant: Assistant, home: Path) -> None:
        for name in "abcdef":
            (home / "knowledge" / f"{name}.txt").write_text(f"Trade of {name} grew.")
        type(self).filled = assistant

    filled: Assistant

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return PassageRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"find": self.filled.find, "k": 2}

    @property
    def retriever_query_example(self) -> str:
        return "How did trade grow?"


def test_documents_say_where_they_are_from(assistant: Assistant, home: Path) -> None:
    (home / "knowledge" / "a.md").write_text("# Trade\n\nIt grew.\n")
    (document,) = assistant.retriever.invoke("Did trade grow?")
    assert isinstance(document, Document)
    assert document.page_content == "# Trade\n\nIt grew."
    assert document.metadata["source"] == "a.md"
    assert document.metadata["heading"] == "Trade"
    text = (home / "knowledge" / "a.md").read_text()
    assert text[document.metadata["start"] : document.metadata["end"]] == document.page_content


def test_what_one_search_found_has_the_score_of_the_other(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.pipeline.CANDIDATES", 1)
    near = "Trade of the region grew in Minsk. " + "Nothing else is said of it here at all. " * 3
    (home / "knowledge" / "near.txt").write_text("Trade grew, and grew, and grew.")
    (home / "knowledge" / "rare.txt").write_text(near)
    hits = assistant.find("How did trade grow in Minsk?", 5)
    assert {hit.passage.source for hit in hits} <= {"near.txt", "rare.txt"}
    assert all(hit.dense > 0 and hit.lexical > 0 for hit in hits)


def test_the_retriever_gives_first_what_answers(on_article: Assistant) -> None:
    question = "Who is the Prime Minister of Belarus?"
    found, ranked = on_article.find(question, 50), on_article.rank(question, 50)
    assert {hit.passage for hit in found} == {hit.passage for hit in ranked}
    assert "Prime Minister Roman Golovchenko" in ranked[0].passage.text
    assert [document.page_content for document in on_article.retriever.invoke(question)] == [
        hit.passage.text for hit in ranked
    ]
