"""The endpoint for programs: `Client(address).predict(question, api_name="/ask")`."""

from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import api

from assistant.errors import QuestionRefused
from assistant.page.talk import told
from assistant.reply import Reply
from assistant.types import Answer

if TYPE_CHECKING:
    from assistant.assistant import Assistant


def offer(assistant: "Assistant") -> None:
    """Add the endpoint to the page being built: the only event of it that is not private."""

    def ask(question: str, sources: list[str] | None = None) -> dict[str, Any]:
        """Answer a question: statements with citations, or an abstention; see docs/programs.md."""
        try:
            return Reply.of(_asked(assistant, question, sources)).model_dump(mode="json")
        except Exception as error:
            raise gr.Error(told(error), print_exception=False) from None

    api(ask, api_name="ask")


def _asked(assistant: "Assistant", question: object, sources: object) -> Answer:
    """The answer to what a program sent, which may be anything."""
    names = [] if sources is None else sources
    if not isinstance(names, list) or not all(isinstance(each, str) for each in [question, *names]):
        raise QuestionRefused("A question is text, and sources are a list of documents' names.")
    return assistant.ask(str(question), sources=names or None)
