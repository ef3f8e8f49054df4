from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from assistant.assistant import Assistant
from assistant.retrieve import fuse
from assistant.retriever import PassageRetriever
from assistant.types import Passage, Span


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
