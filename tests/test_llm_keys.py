"""The sentences of a chat model's draft, and what their keys stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.cite import cite
from assistant.llm.draft import DraftSentence, cite_draft
from assistant.types import Passage, Reading, Span


def offered(source: str, text: str) -> Reading:
    whole = Span(0, len(text))
    return Reading(Passage(source, *whole, text, (whole,)), whole, 0.5)


OFFERED = {
    key: (offered(f"{key}.md", f"The {key} is in force."),)
    for key in ("k3f9", "k02c", "k111", "k222", "k333", "k444", "k555")
}
HASHES = {f"{key}.md": "f00d" for key in OFFERED}


def drafted(draft: str) -> list[DraftSentence]:
    return cite_draft(draft, OFFERED, HASHES)


def cited(found: DraftSentence) -> list[str]:
    assert found.statement
    return [citation.source.removesuffix(".md") for citation in found.statement.citations]


@pytest.mark.parametrize(
    ("keys", "held", "unknown"),
    [
        ("[k3f9]", ["k3f9"], 0),
        ("[K3F9]", ["k3f9"], 0),
        ("[k3f9, k02c]", ["k3f9", "k02c"], 0),
        ("[k3f9][k02c]", ["k3f9", "k02c"], 0),
        ("[k3f9; k02c and k111]", ["k3f9", "k02c", "k111"], 0),
        ("[k3f9, k3f9]", ["k3f9"], 0),
        ("【k3f9】", ["k3f9"], 0),
        ("［k3f9、k02c］", ["k3f9", "k02c"], 0),
        ("[k02c-k222]", ["k02c", "k111", "k222"], 0),
        ("[k02c – k111]", ["k02c", "k111"], 0),
        ("[k3f9, 99]", ["k3f9"], 1),
        ("[1,2,99,k3f9]", ["k3f9"], 3),
        ("[99]", [], 1),
        ("[0]", [], 1),
        ("[-1]", [], 1),
        ("[1,2,99]", [], 3),
        ("【1】", [], 1),
        ("[1-3]", [], 1),
        ("[k222-k02c]", [], 1),
        ("[k3f9-k555]", [], 1),
        ("[kfff]", [], 1),
        ("[]", [], 0),
        ("[none]x[k3f9]", ["k3f9"], 1),
        ("(k3f9)", [], 0),
        ("", [], 0),
    ],
)
def test_m4_keys_that_were_not_offered_are_removed_and_counted(
    keys: str, held: list[str], unknown: int
) -> None:
    (found,) = drafted(f"It is in force {keys}.")
    assert found.unknown == unknown
    assert (cited(found) if found.statement else []) == held


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("- Trade **grew** last year. [k3f9]", ["Trade grew last year."]),
        ("1. Trade grew [k3f9] .", ["Trade grew."]),
        ("Trade grew. Trade fell [k3f9].", [None, "Trade fell."]),
        ("Trade grew [k3f9], and fell [k02c].", ["Trade grew, and fell."]),
        ("Mr. Li met Mr. Golovchenko [k3f9].", ["Mr. Li met Mr. Golovchenko."]),
        ("Trade grew.", [None]),
        ("The sources do not say. [none]", []),
        ("[k3f9]", []),
        ("\ue000Trade grew\ue001 [k3f9].", ["Trade grew."]),
    ],
)
def test_m5_a_sentence_without_a_key_of_its_own_claims_nothing(
    draft: str, expected: list[str | None]
) -> None:
    found = [each.statement.text if each.statement else None for each in drafted(draft)]
    assert found == expected


@given(st.text(alphabet="[]【】［］k3f902c,-–;.! \n\ue000AbaA", max_size=200))
def test_only_what_was_offered_is_cited(draft: str) -> None:
    offered = {
        citation for each in OFFERED.values() for citation in cite(each, HASHES)[0].citations
    }
    for found in drafted(draft):
        if found.statement:
            assert set(found.statement.citations) <= offered
            assert found.statement.citations
