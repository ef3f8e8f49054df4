"""Answers on the article, by the real models; and what is shown of what was read."""

from assistant.assistant import Assistant
from assistant.types import Abstention


def test_several_questions_in_one_are_each_answered(on_article: Assistant) -> None:
    answer = on_article.ask(
        "How many cities does the region cover, and how large was bilateral trade last year?"
    )
    said = " ".join(statement.text for statement in answer.statements)
    assert "nine cities" in said
    assert "$8.4 billion" in said
    assert answer.notices == ()


def test_what_is_not_said_of_several_questions_is_named(on_article: Assistant) -> None:
    answer = on_article.ask(
        "How large was bilateral trade last year? Who won the football World Cup in 2022?"
    )
    assert "$8.4 billion" in answer.statements[0].text
    assert answer.notices == ("Your documents do not say: Who won the football World Cup in 2022?",)


def test_a_later_question_may_refer_to_the_first(on_article: Assistant) -> None:
    answer = on_article.ask("Who met in Minsk, and where did they meet?")
    assert answer.standalone == "Who met in Minsk Who met in Minsk where did they meet?"
    assert "in Minsk" in answer.statements[0].text
    assert answer.notices == ()


def test_a_question_that_stands_alone_is_not_drowned_by_the_one_before(
    on_article: Assistant,
) -> None:
    question = "How are the supply chains to be strengthened?"
    answer = on_article.ask(question, history=["What does Belarus want from the Greater Bay Area?"])
    assert answer.citations == on_article.ask(question).citations
    assert answer.standalone == question


def test_an_overview_refers_to_no_earlier_question(on_article: Assistant) -> None:
    answer = on_article.ask("What is this document about?", history=["Who met in Minsk?"])
    assert answer.standalone == "What is this document about?"
    assert len(answer.statements) > 1


def test_nothing_about_any_of_several_questions_is_one_abstention(on_article: Assistant) -> None:
    answer = on_article.ask("Who won the football cup and who sang the anthem?")
    assert answer.abstention is Abstention.NOTHING_RELEVANT
    assert answer.notices == ()


def test_the_words_that_answer_are_marked(on_article: Assistant) -> None:
    answer = on_article.ask("What was the value of bilateral trade last year?")
    assert "8.4 billion" in answer.citations[0].answer
    assert answer.citations[0].answer in answer.citations[0].quote
    assert answer.confidence == answer.statements[0].probability >= on_article.settings.threshold


def test_the_closest_passages_are_those_likeliest_to_answer(on_article: Assistant) -> None:
    answer = on_article.ask("For how many years have they maintained a vibrant relationship?")
    assert answer.closest[0].passage == answer.citations[0].passage
