"""The assistant as LangChain runnables: apart, because to import that takes half a second.

`build_chain` composes the steps of `assistant.pipeline`, `PassageRetriever` gives the passages.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence

from assistant import pipeline
from assistant.store.generation import Generation
from assistant.types import Answer, Hit


def build_chain(
    prepare: Callable[..., pipeline.QuestionState], finish: Callable[[Generation], None]
) -> Runnable[str | Mapping[str, Any], Answer]:
    """The steps from a question to its answer, each a runnable with the name of the step.

    `prepare` takes the arguments of `Assistant.ask`; the input is the question, or a mapping of
    those arguments. `finish` is called with the generation that answered.
    """

    def begin(asked: str | Mapping[str, Any]) -> pipeline.QuestionState:
        return prepare(**asked) if isinstance(asked, Mapping) else prepare(asked)

    def answer(state: pipeline.QuestionState) -> Answer:
        found = pipeline.answer(state)
        finish(state.context.generation)
        return found

    steps: list[Runnable[Any, Any]] = [
        RunnableLambda(begin, name="prepare"),
        RunnableLambda(pipeline.condense, name="condense"),
        RunnableLambda(pipeline.retrieve, name="retrieve"),
        RunnableLambda(pipeline.read, name="read"),
        RunnableLambda(pipeline.cite, name="cite"),
        RunnableLambda(pipeline.verify, name="verify"),
        RunnableLambda(answer, name="answer"),
    ]
    composed: Runnable[str | Mapping[str, Any], Answer] = RunnableSequence(*steps)
    return composed.with_config(run_name="assistant")


class PassageRetriever(BaseRetriever):
    """The assistant's retrieval as a LangChain retriever.

    Each Document holds a passage; its metadata names source, start, end (characters), title,
    heading, unit and number (page 12, row 88), and the scores.
    """

    find: Callable[[str, int], Sequence[Hit]]
    """The best hits for a question, at most so many."""
    k: int = 5
    """How many documents come back; `invoke(query, k=...)` overrides it."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[LangChainDocument]:
        place = ("source", "start", "end", "title", "heading", "unit", "number")
        return [
            LangChainDocument(
                id=hit.passage.id,
                page_content=hit.passage.text,
                metadata={name: getattr(hit.passage, name) for name in place}
                | {name: getattr(hit, name) for name in ("score", "dense", "lexical")},
            )
            for hit in self.find(query, k or self.k)
        ]
