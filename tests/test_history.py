"""Conversations and feedback on a real disk."""

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.cite import read_answers
from assistant.errors import (
    ConversationChanged,
    ConversationDamaged,
    ConversationMissing,
    HistoryUnwritable,
)
from assistant.evaluate import read_questions
from assistant.history import (
    FORMAT,
    Conversation,
    Feedback,
    History,
    Thumb,
    folder_of,
    latest_feedback,
    read_feedback,
)
from assistant.show.export import conversation_to_json
from assistant.types import Abstention, Answer, Hit, Turn
from tests.test_show import HOSTILE, LI, TALK, answer

UNSAID = Answer("Why?", abstention=Abstention.DOES_NOT_SAY, closest=(Hit(LI.passage, 0.5),))
TURNS = (
    Turn("Who met?", answer(LI, TALK)),
    Turn("Why?", UNSAID),
    Turn("And then?", answer(LI), "Stopped."),
    Turn("When?", None, "Something went wrong here; the details are in the log."),
)


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "history")


def begun(*turns: Turn) -> Conversation:
    talk = Conversation.begin()
    for turn in turns or TURNS:
        talk = talk.with_turn(turn)
    return talk


def file_of(history: History, talk: Conversation) -> Path:
    return history.folder / f"{talk.id}.json"


def test_a_conversation_is_read_as_it_was_saved(history: History) -> None:
    saved = history.save(begun())
    assert history.read(saved.id) == saved
    assert (saved.title, saved.revision, saved.turns) == ("Who met?", 1, TURNS)
    assert saved.turns[0].answer is not None
    assert saved.turns[0].answer.citations == (LI, TALK)
    assert saved.began <= saved.changed


@settings(deadline=None)  # it waits for the disk
@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(), st.text())
def test_any_text_is_read_as_it_was_saved(asked: str, remark: str, title: str) -> None:
    with TemporaryDirectory() as place:
        history = History(Path(place) / "history")
        said = replace(answer(LI), question=asked, notices=(asked,))
        saved = history.save(begun(Turn(asked, said, asked), Turn(asked)))
        assert history.read(saved.id) == saved
        assert history.rename(saved.id, remark + title).turns == saved.turns
        (listed,), problems = history.list()
        assert (listed.id, problems) == (saved.id, ())


def test_a_conversation_saved_with_odds_is_read(history: History) -> None:
    saved = history.save(begun(Turn("Who met?", answer(LI))))
    path = file_of(history, saved)
    path.write_bytes(path.read_bytes().replace(b'"probability"', b'"odds"'))
    assert b'"odds"' in path.read_bytes()
    assert history.read(saved.id) == saved


def test_half_a_character_does_not_spoil_a_conversation(history: History) -> None:
    saved = history.save(begun(Turn("a\ud800b", None, "\udfff")))
    assert history.read(saved.id).turns == (Turn("a?b", None, "?"),)
    assert history.list().entries[0].title == "a?b"


def test_the_list_begins_with_the_last_changed_and_reads_one_line_of_each(
    history: History,
) -> None:
    first, second, third = (history.save(begun(Turn(f"{n}?"))) for n in range(3))
    history.add(first.id, Turn("And?"))
    path = file_of(history, second)
    head, _ = path.read_bytes().split(b"\n", 1)
    path.write_bytes(head + b"\nwhat follows is not looked at")
    listed, problems = history.list()
    assert [each.title for each in listed] == ["0?", "2?", "1?"]
    assert [each.id for each in listed] == [first.id, third.id, second.id]
    assert problems == ()


def test_nothing_is_made_by_looking(history: History) -> None:
    assert history.list() == ((), ())
    with pytest.raises(ConversationMissing):
        history.read("0" * 32)
    assert not history.folder.parent.exists()


@pytest.mark.parametrize(
    "key",
    [
        "", ".", "..", "../local/x", "/etc/passwd", "0" * 31, "0" * 33, "A" * 32, "0" * 32 + "\n",
        "0" * 30 + "..", "..\\..\\x", "%2e%2e%2f", "\0" * 32, "feedback", ".lock", None, 7,
    ],
)  # fmt: skip
def test_u11_what_is_no_id_reaches_no_file(history: History, key: str) -> None:
    talk = history.save(begun())
    before = sorted(history.folder.iterdir())
    with pytest.raises(ConversationMissing):
        history.read(key)
    with pytest.raises(ConversationMissing):
        history.add(key, TURNS[0])
    with pytest.raises(ConversationMissing):
        history.rename(key, "x")
    with pytest.raises(ConversationMissing):
        history.remove(key)
    with pytest.raises(ConversationMissing):
        history.save(replace(talk, id=key))
    assert sorted(history.folder.iterdir()) == before


def test_a_history_that_is_no_folder_is_reported(history: History) -> None:
    history.folder.parent.mkdir()
    history.folder.write_text("a file")
    entries, (problem,) = history.list()
    assert entries == ()
    assert problem.startswith("The history cannot be read: ")
    with pytest.raises(HistoryUnwritable):
        history.save(begun())


def test_ids_are_not_guessed(history: History) -> None:
    ids = {Conversation.begin().id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 32 for each in ids)


def test_one_person_does_not_see_anothers(tmp_path: Path) -> None:
    ana, bo = (History(tmp_path, name) for name in ("ana", "bo"))
    talk = ana.save(begun())
    assert bo.list() == ((), ())
    with pytest.raises(ConversationMissing):
        bo.read(talk.id)
    with pytest.raises(ConversationMissing):
        bo.remove(talk.id)
    assert ana.read(talk.id) == talk


@given(st.text(), st.text())
def test_distinct_names_have_distinct_safe_folders(one: str, other: str) -> None:
    assert (folder_of(one) == folder_of(other)) == (one == other)
    assert folder_of(one).isascii()
    assert len(folder_of(one)) < 80
    assert set(folder_of(one)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert one == "local" or folder_of(one) != "local"


@pytest.mark.parametrize(
    "names",
    [("Ana", "ana"), ("\u00e9", "e\u0301"), ("a/b", "a-b"), ("..", "."), ("con", "CON"), ("", " ")],
)
def test_names_that_look_alike_have_distinct_folders_on_any_disk(names: tuple[str, str]) -> None:
    one, other = map(folder_of, names)
    assert one.casefold() != other.casefold()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such modes")
def test_only_its_user_may_look(history: History) -> None:
    talk = history.save(begun())
    history.add_feedback(thumb(Thumb.UP))
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in history.folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    for folder in (history.folder, history.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert file_of(history, talk) in modes


def test_two_windows_do_not_overwrite_one_another(history: History) -> None:
    talk = history.save(begun(TURNS[0]))
    history.save(talk.with_turn(TURNS[1]))
    with pytest.raises(ConversationChanged, match="Nothing was overwritten"):
        history.save(talk.until(0))
    assert history.read(talk.id).turns == TURNS[:2]
    history.add(talk.id, TURNS[2])
    assert history.read(talk.id).turns == TURNS[:3]


def test_many_writers_lose_nothing(history: History) -> None:
    talk = history.save(begun(TURNS[0]))
    writers = [
        threading.Thread(target=history.add, args=(talk.id, Turn(str(number))))
        for number in range(12)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = history.read(talk.id)
    assert {turn.question for turn in found.turns[1:]} == set(map(str, range(12)))
    assert found.revision == 13


def test_what_was_removed_does_not_come_back(history: History) -> None:
    talk = history.save(begun())
    history.remove(talk.id)
    assert history.list() == ((), ())
    with pytest.raises(ConversationMissing):
        history.save(talk)
    with pytest.raises(ConversationMissing):
        history.add(talk.id, TURNS[0])
    assert history.list() == ((), ())


def test_a_title_is_the_first_question_until_it_is_renamed(history: History) -> None:
    talk = history.save(begun(Turn("What\n is   it? " + "x" * 200), Turn("And?")))
    assert talk.title.startswith("What is it? xxx")
    assert len(talk.title) == 100
    assert talk.until(1).title == talk.title
    assert talk.until(0).with_turn(Turn("New?")).title == "New?"
    named = history.rename(talk.id, "  My\nvisit ")
    assert named.title == "My visit"
    assert named.until(0).with_turn(Turn("New?")).title == "My visit"
    assert history.rename(talk.id, " ").title == talk.title


def law_breaker() -> Answer:
    return Answer("Who?", (replace(answer(LI).statements[0], citations=()),))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda path: path.write_bytes(b""), "not JSON"),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), "not JSON"),
        (lambda path: path.write_bytes(b"\xff" * 5000), "not JSON"),
        (lambda path: path.write_text("[" * 100_000), "not JSON"),
        (lambda path: path.write_text("{}"), "not JSON"),
        (lambda path: path.write_text('{"title": 3,\n'), "title is not as it should be"),
        (lambda path: edited(path, "revision", True), "revision is not as it should be"),
        (lambda path: edited(path, "began", "2026-01-01T00:00:00"), "began is not as it should"),
        (lambda path: edited(path, "more", 1), "more is not as it should be"),
        (lambda path: edited(path, "format", 2), "newer version"),
        (lambda path: path.rename(path.with_name("notes.json")), "not named as a conversation"),
        (lambda path: path.rename(path.with_suffix(".txt")), "not named as a conversation"),
        (lambda path: (path.unlink(), path.mkdir()), "no ordinary file"),
        (lambda path: make_pipe(path), "no ordinary file"),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "no ordinary file"),
        (lambda path: os.truncate(path, 10**9), "too large"),
    ],
)
def test_what_is_damaged_or_not_ours_is_reported_and_left(
    history: History, harm: Callable[[Path], object], reason: str
) -> None:
    sound, talk = history.save(begun()), history.save(begun())
    path = file_of(history, talk)
    harm(path)
    before = names(history)
    listed, (problem,) = history.list()
    assert [each.id for each in listed] == [sound.id]
    assert "was left as it is" in problem
    assert reason in problem
    assert str(history.folder) not in problem
    if path.name in before:
        with pytest.raises(ConversationDamaged, match="left as it is"):
            history.read(talk.id)
        with pytest.raises(ConversationDamaged, match="left as it is"):
            history.save(talk)
    assert names(history) == before


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def edited(path: Path, key: str, value: object) -> None:
    read = json.loads(path.read_bytes())
    turns = read.pop("turns")
    head = json.dumps(read | {key: value})
    path.write_text(f'{head[:-1]},\n"turns": {json.dumps(turns)}}}')


def names(history: History) -> list[str]:
    return sorted(path.name for path in history.folder.iterdir())


@pytest.mark.parametrize("harmed", [law_breaker(), Answer("Who?"), None])
def test_a_conversation_that_cannot_be_shown_is_damaged(
    history: History, harmed: Answer | None
) -> None:
    talk = history.save(begun(Turn("Who?", harmed or answer(LI))))
    path = file_of(history, talk)
    if harmed is None:
        path.write_text(path.read_text().replace('"quote": "Li met', '"quote": 7, "x": "'))
    with pytest.raises(ConversationDamaged):
        history.read(talk.id)
    with pytest.raises(ConversationDamaged):
        history.save(talk)
    assert len(history.list().entries) == 1


def test_sizes_are_limited(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.history.MAX_TURNS", 4)
    monkeypatch.setattr("assistant.history.MAX_CONVERSATIONS", 2)
    talk = history.save(begun())
    with pytest.raises(HistoryUnwritable, match="begin a new one"):
        history.add(talk.id, TURNS[0])
    assert history.read(talk.id) == talk
    history.save(begun())
    with pytest.raises(HistoryUnwritable, match="delete some"):
        history.save(begun())
    monkeypatch.setattr("assistant.history.MAX_BYTES", file_of(history, talk).stat().st_size)
    with pytest.raises(HistoryUnwritable, match="begin a new one"):
        history.save(talk.until(3).with_turn(TURNS[0]))


def test_a_disk_that_refuses_is_reported(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = history.save(begun(TURNS[0]))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HistoryUnwritable, match="No space left"):
        history.add(talk.id, TURNS[1])
    with pytest.raises(HistoryUnwritable, match="No space left"):
        history.add_feedback(thumb(Thumb.UP))
    monkeypatch.undo()
    assert history.read(talk.id) == talk
    assert read_feedback(history.folder.parent) == ([], [])


class BrokenOff(BaseException):
    """As a process that ends there."""


@contextmanager
def breaking_off(step: int) -> Iterator[None]:
    """Raise `BrokenOff` at the call to the system with this number, counted from 1."""
    steps = iter(range(1, step))
    calls: dict[str, Callable[..., object]] = {
        name: getattr(os, name) for name in ("open", "fsync", "replace", "unlink", "close")
    }

    def counted(name: str) -> object:
        def call(*given: object, **named: object) -> object:
            if next(steps, None) is None:
                raise BrokenOff
            return calls[name](*given, **named)

        return call

    with pytest.MonkeyPatch.context() as patch, pytest.raises(BrokenOff):
        for name in calls:
            patch.setattr(os, name, counted(name))
        yield
        raise BrokenOff  # there are no more steps


@settings(deadline=None)  # it waits for the disk
@given(st.integers(1, 12), st.integers(0, 400))
def test_wherever_a_save_breaks_off_the_old_or_the_new_is_there(step: int, torn: int) -> None:
    with TemporaryDirectory() as place:
        history = History(Path(place) / "history")
        old = history.save(begun(TURNS[0]))
        with breaking_off(step):
            history.add(old.id, TURNS[1])
        (history.folder / ".next").touch()
        os.truncate(history.folder / ".next", torn)  # half of what was on its way
        found = history.read(old.id)
        assert found == old or found.turns == TURNS[:2]
        assert [each.id for each in history.list().entries] == [old.id]
        assert history.list().problems == ()
        assert history.add(old.id, TURNS[2]).turns == (*found.turns, TURNS[2])


@pytest.mark.parametrize("step", range(1, 8))
def test_wherever_a_removal_breaks_off_it_is_there_whole_or_not_at_all(
    history: History, step: int
) -> None:
    talk = history.save(begun())
    with breaking_off(step):
        history.remove(talk.id)
    assert [each.id for each in history.list().entries] in ([], [talk.id])
    if history.list().entries:
        assert history.read(talk.id) == talk


def test_the_export_is_what_verify_reads(history: History, tmp_path: Path) -> None:
    saved = history.read(history.save(begun()).id)
    path = tmp_path / "answers.json"
    path.write_text(conversation_to_json(saved.turns))
    assert read_answers(path) == [turn.answer for turn in TURNS if turn.answer is not None]
    path.write_text(conversation_to_json(TURNS[3:]))
    assert read_answers(path) == []


def thumb(up: Thumb, said: Answer | None = None, comment: str = "", *history: str) -> Feedback:
    said = said or answer(LI)
    return Feedback(said.question, said, up, datetime.now(UTC), comment, history)


def test_feedback_is_saved_whole(history: History) -> None:
    given = [thumb(Thumb.UP), thumb(Thumb.DOWN, UNSAID, "“Über”\n" + HOSTILE[0], "Who met?")]
    for each in given:
        history.add_feedback(each)
    History(history.folder.parent, "ana").add_feedback(thumb(Thumb.UP, UNSAID))
    feedback, problems = read_feedback(history.folder.parent)
    assert feedback[:2] == given
    assert len(feedback) == 3
    assert problems == []
    assert history.list() == ((), ())


def test_a_torn_record_stays_by_itself(history: History) -> None:
    history.add_feedback(thumb(Thumb.UP))
    with (history.folder / "feedback.jsonl").open("ab") as file:
        file.write(b'{"question": "half')
    history.add_feedback(thumb(Thumb.DOWN))
    feedback, problems = read_feedback(history.folder.parent)
    assert [each.thumb for each in feedback] == [Thumb.UP, Thumb.DOWN]
    assert len(problems) == 1
    assert problems[0].startswith("Line 2 of ")


def test_the_last_thumb_on_the_very_answer_counts(history: History) -> None:
    who, why = answer(LI, question="Who?"), answer(TALK, question="Why?")
    asked = [Turn("Who?", who), Turn("When?"), Turn("Why?", why), Turn("Why?", why)]
    assert history.thumbs(asked) == [Thumb.NONE] * 4
    history.add_feedback(thumb(Thumb.UP, who))
    history.add_feedback(thumb(Thumb.DOWN, why, "Not so.", "Who?"))
    with (history.folder / "feedback.jsonl").open("ab") as file:
        file.write(b'{"question": "Why?", "half')
    assert history.thumbs(asked) == [Thumb.UP, Thumb.NONE, Thumb.DOWN, Thumb.NONE]
    history.add_feedback(thumb(Thumb.NONE, who))
    history.add_feedback(thumb(Thumb.UP, why, "", "Who?", "Why?"))
    assert history.thumbs(asked) == [Thumb.NONE, Thumb.NONE, Thumb.DOWN, Thumb.UP]
    assert history.thumbs([Turn("Who?"), Turn("Why?", who)]) == [Thumb.NONE] * 2
    assert history.thumbs([]) == []


def test_feedback_saved_with_odds_is_read(history: History) -> None:
    """Earlier versions called the probability of a statement so."""
    given = thumb(Thumb.UP)
    history.add_feedback(given)
    path = history.folder / "feedback.jsonl"
    assert '"probability"' in path.read_text()
    path.write_text(path.read_text().replace('"probability"', '"odds"'))
    assert read_feedback(history.folder.parent) == ([given], [])
    assert history.thumbs([Turn(given.question, given.answer)]) == [Thumb.UP]


def test_thumbs_up_make_questions_that_evaluate_reads(tmp_path: Path) -> None:
    given = [
        thumb(Thumb.DOWN, answer(LI, question="Who?")),
        thumb(Thumb.UP, answer(LI, LI, question="Who?")),
        thumb(Thumb.UP, answer(LI, TALK, question="What?"), "", "Who?"),
        thumb(Thumb.UP, UNSAID),
        thumb(Thumb.UP, answer(LI, question="Where?")),
        thumb(Thumb.NONE, answer(LI, question="Where?")),
        thumb(Thumb.DOWN, answer(TALK, question="When?")),
    ]
    lines = [json.dumps(each.to_question()) for each in latest_feedback(given)]
    assert lines.pop() == "null"
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(lines))
    who, what, why = read_questions(path)
    assert (who.quote, who.source, who.history) == ((LI.quote,), "a.md", ())
    assert (what.quote, what.source, what.history) == ((LI.quote, TALK.quote), "", ("Who?",))
    assert (why.answerable, why.quote) == (False, ())


def test_it_is_called_conversation_where_it_is_written_down(history: History) -> None:
    """The form on the disk is a promise: what was saved today is read tomorrow."""
    talk = history.save(begun())
    head, *turns = file_of(history, talk).read_text().splitlines()
    assert set(json.loads(head[:-1] + "}")) == {"format", "title", "began", "changed", "revision"}
    assert json.loads(head[:-1] + "}")["format"] == FORMAT == 1
    assert len(turns) == len(TURNS) + 2
    whole = json.loads(file_of(history, talk).read_bytes())
    assert Answer.from_json(json.dumps(whole["turns"][0]["answer"])) == TURNS[0].answer
