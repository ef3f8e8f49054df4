"""Files that would harm whoever opens them, and the children that open them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.load import readers as child
from assistant.load.builder import Parsed, Refused, Unavailable
from assistant.load.folder import FileEntry
from assistant.load.formats import FORMATS, Format
from assistant.load.readers import Outcome, Readers
from assistant.types import Document, Section
from research.benchmarks import files
from tests.test_load import HERE, tiles

LIMIT = 50 * 2**20
HARMFUL = "could not be opened: too large or harmful"
SLOW = "took too long to open"
GOOD: dict[str, bytes] = {
    ".pdf": files.pdf("Words of a page.", "And more."),
    ".docx": files.docx("# Head", "Words.", [["a", "b"], ["c", "d"]]),
    ".pptx": files.pptx(("Title", "Words", "Notes")),
    ".xlsx": files.xlsx(Sheet=[["a", "b"], ["c", 1]]),
    ".csv": b"a,b\nc,1\n",
    ".html": b"<h1>Head</h1><p>Words.<table><tr><td>a<td>b<tr><td>c<td>d</table>",
    ".epub": files.epub("<h1>Head</h1><p>Words.</p>"),
    ".eml": files.eml("Subject", "Words.", "<p>Words.</p>", ["a.pdf"]),
    ".rst": b"Head\n====\n\nWords.\n",
}


@pytest.fixture(scope="module")
def parsers() -> Iterator[Readers]:
    with Readers(1) as one:
        yield one


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("harm")


def refusal(parsers: Readers, suffix: str, data: bytes) -> str:
    with pytest.raises(Refused) as caught:
        parsers.parse(suffix, data)
    return str(caught.value)


def loaded(readers: Readers, folder: Path, name: str, data: bytes) -> Outcome:
    (folder / name).write_bytes(data)
    ((_, result),) = readers.read([FileEntry(name, folder / name)], LIMIT, {})
    return result


@pytest.mark.parametrize("suffix", FORMATS)
def test_f1_an_empty_file_of_any_kind(parsers: Readers, suffix: str) -> None:
    assert refusal(parsers, suffix, b"") == "empty"


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".epub", ".pdf"])
@pytest.mark.parametrize("data", [b"Words.", b"\x89PNG\r\n\x1a\n" + os.urandom(500), b"%PDF-1.4\n"])
def test_f2_a_file_of_another_kind(parsers: Readers, suffix: str, data: bytes) -> None:
    assert refusal(parsers, suffix, data) == f"damaged {FORMATS[suffix].name}"


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".epub"])
def test_f10_half_an_archive(parsers: Readers, suffix: str) -> None:
    half = GOOD[suffix][: len(GOOD[suffix]) // 2]
    assert refusal(parsers, suffix, half) == f"damaged {FORMATS[suffix].name}"


def test_f10_half_a_pdf(parsers: Readers) -> None:
    whole = files.pdf("Words. " * 50)
    assert refusal(parsers, ".pdf", whole[: len(whole) // 2]) == "damaged PDF"
    assert refusal(parsers, ".pdf", b"%PDF-1.4\n" + os.urandom(2_000)) == "damaged PDF"


def test_f11_a_password(parsers: Readers) -> None:
    locked = files.pdf("Words.", trailer=files.LOCK)
    assert refusal(parsers, ".pdf", locked) == "password protected"
    for suffix in (".docx", ".pptx", ".xlsx"):
        assert refusal(parsers, suffix, files.ENCRYPTED) == "password protected"
        old = f"an old format: save it as {FORMATS[suffix].name}"
        assert refusal(parsers, suffix, files.OLE) == old
    drm = '<x><CipherReference URI="OEBPS/text/c%200.xhtml"/></x>'
    book = files.with_part(GOOD[".epub"], "META-INF/encryption.xml", drm)
    assert refusal(parsers, ".epub", book) == "password protected"


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there but of time")
def test_f12_a_pdf_that_becomes_a_gigabyte(
    parsers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "SECONDS", 600.0)  # a busy machine has the same reasons
    bomb = files.bomb_pdf()
    assert len(bomb) < 100_000
    assert refusal(parsers, ".pdf", bomb) in (HARMFUL, SLOW)
    assert parsers.parse(".pdf", GOOD[".pdf"]).sections


@pytest.mark.skipif(sys.platform == "win32", reason="no limits there but of time")
def test_f12_a_page_that_becomes_a_gigabyte(
    parsers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "SECONDS", 600.0)  # a busy machine has the same reasons
    page = b"<p>Line of text.</p>\n" * 2_400_000
    assert refusal(parsers, ".html", page) in ("too large when opened", SLOW)


def test_f13_a_pdf_that_leads_back_to_itself(parsers: Readers) -> None:
    assert refusal(parsers, ".pdf", files.loop_pdf(pages=False)) == "no text (a scan?)"
    assert refusal(parsers, ".pdf", files.loop_pdf(pages=True)) == "damaged PDF"


def test_f13_a_file_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PROCESSOR_SECONDS", 0.001)
    with Readers(1) as readers:
        assert refusal(readers, ".pdf", GOOD[".pdf"]) == SLOW
        monkeypatch.undo()
        assert readers.parse(".pdf", GOOD[".pdf"]).sections


def test_a_machine_that_is_busy_is_not_the_fault_of_the_file(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Readers(1) as fresh:  # its child has to start first, which takes longer than no time
        monkeypatch.setattr(child, "SECONDS", 0.0)
        result = loaded(fresh, place, "busy.pdf", GOOD[".pdf"])
        assert isinstance(result, Unavailable)
        assert str(result) == SLOW
        monkeypatch.undo()
        assert isinstance(loaded(fresh, place, "busy.pdf", GOOD[".pdf"]), Document)


def pid(readers: Readers) -> int:
    """The process of its only child, which is started by a file."""
    readers.parse(".csv", b"a,b\nc,d\n")
    (one,) = readers._children
    assert one._process is not None
    return one._process.pid


@pytest.mark.skipif(sys.platform == "win32", reason="no such timer there")
def test_a_child_that_waits_for_the_next_file_is_not_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "PROCESSOR_SECONDS", 1.0)
    with Readers(1) as readers:
        first = pid(readers)
        time.sleep(1.5)
        assert pid(readers) == first


def test_f14_pictures_of_text(parsers: Readers) -> None:
    assert refusal(parsers, ".pdf", files.pdf("", "")) == "no text (a scan?)"
    assert refusal(parsers, ".pptx", files.pptx(("", "", ""))) == "no text (pictures only?)"


def test_f15_an_archive_that_becomes_a_gigabyte(parsers: Readers) -> None:
    assert refusal(parsers, ".docx", files.bomb_zip(1024)) == "too large when opened"
    many = files.zipped({str(number): b"" for number in range(100_000)})
    assert refusal(parsers, ".docx", many) == "too large when opened"


@pytest.mark.parametrize(("entity", "dtd"), [("&j;", files.LAUGHS), ("&e;", files.THIEF)])
@pytest.mark.parametrize(
    ("suffix", "part"),
    [
        (".docx", "word/document.xml"),
        (".pptx", "ppt/slides/slide1.xml"),
        (".xlsx", "xl/worksheets/sheet1.xml"),
        (".epub", "OEBPS/text/c 0.xhtml"),
        (".epub", "OEBPS/book.opf"),
    ],
)
def test_f16_entities_are_not_expanded(
    parsers: Readers, suffix: str, part: str, dtd: str, entity: str
) -> None:
    text = files.part(GOOD[suffix], part)
    head, body = text.split("?>", 1) if "?>" in text else ("", text)
    words = next(w for w in ("Words", "Title", "A Book", "<v>1") if w in body)
    body = body.replace(words, words + entity, 1)
    data = files.with_part(GOOD[suffix], part, f"{head}{'?>' if head else ''}{dtd}{body}")
    try:
        found = parsers.parse(suffix, data)
    except Refused as refused:
        assert str(refused) == f"damaged {FORMATS[suffix].name}"
    else:
        assert "root:" not in found.text + found.title
        assert "haha" not in found.text + found.title


@pytest.mark.parametrize(("entity", "dtd"), [("&j;", files.LAUGHS), ("&e;", files.THIEF)])
def test_f16_entities_of_a_page_are_not_expanded(parsers: Readers, dtd: str, entity: str) -> None:
    found = parsers.parse(".html", f"{dtd}<p>Words {entity}</p>".encode())
    assert "root:" not in found.text
    assert "haha" not in found.text


def test_f17_nothing_of_an_archive_is_written(parsers: Readers, place: Path) -> None:
    before = set(place.parent.rglob("*"))
    for name in ("../../x", "/tmp/x-of-an-archive", "..\\x"):
        data = files.with_part(GOOD[".docx"], name, b"x")
        assert parsers.parse(".docx", data).text.startswith("Head")
    assert set(place.parent.rglob("*")) == before
    assert not Path("/tmp/x-of-an-archive").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind there")
@pytest.mark.parametrize(
    ("harm", "end"),
    [("bytearray(3 * 2**30)", b"MemoryError"), ("path.write_text('x')", b"File too large")],
)
def test_a_child_can_neither_take_all_memory_nor_write(
    tmp_path: Path, harm: str, end: bytes
) -> None:
    code = f"""if True:
        import sys
        from pathlib import Path
        from assistant.load import readers as child
        path = Path(sys.argv[1])
        child._confine()
        {harm}
    """
    command = [sys.executable, "-c", code, str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, env=HERE)
    assert end in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no such timer there")
def test_a_child_whose_parent_is_gone_ends_itself() -> None:
    code = """if True:
        from assistant.load import readers as child
        child._answer = lambda suffix, data: [None for _ in iter(int, 1)]
        child.main(1)
    """
    asked = b'{"suffix": ".csv", "length": 1}\na'
    done = subprocess.run([sys.executable, "-c", code], input=asked, env=HERE)
    assert done.returncode == -signal.SIGPROF


def test_out_of_memory_a_child_does_not_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(data: bytes) -> Parsed:
        raise MemoryError

    monkeypatch.setitem(FORMATS, ".csv", Format("CSV", greedy))
    with pytest.raises(MemoryError):
        child._answer(".csv", b"a,b\n")


def test_a_child_that_died_is_replaced(parsers: Readers) -> None:
    os.kill(pid(parsers), signal.SIGKILL)  # between two files
    assert parsers.parse(".pdf", GOOD[".pdf"]).sections


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(
    ("end", "problem", "reason"),
    [
        (signal.SIGSEGV, Refused, HARMFUL),
        (signal.SIGPROF, Refused, SLOW),
        (
            signal.SIGKILL,
            Unavailable,
            "could not be opened: the system ended its reader, try again",
        ),
    ],
)
def test_how_a_child_ends_says_whose_fault_it_is(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: signal.Signals,
    problem: type[Exception],
    reason: str,
) -> None:
    ask = child._ask
    asked = []

    def killed(process: "subprocess.Popen[bytes]", suffix: str, data: bytes) -> Parsed:
        asked.append(suffix)
        process.send_signal(end)
        return ask(process, suffix, data)

    with Readers(1) as readers:
        pid(readers)  # so that it is not the first file of its child
        monkeypatch.setattr(child, "_ask", killed)
        result = loaded(readers, place, "killed.pdf", GOOD[".pdf"])
        assert (type(result), str(result)) == (problem, reason)
        assert len(asked) == (1 if end is signal.SIGPROF else 2)
        monkeypatch.undo()
        assert isinstance(loaded(readers, place, "killed.pdf", GOOD[".pdf"]), Document)


def test_a_child_serves_many_files_and_then_another_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "_FILES", 2)
    with Readers(1) as readers:
        pids = [pid(readers) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_an_answer_that_is_too_long_is_not_taken(
    parsers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "CHARACTERS", 1)
    assert refusal(parsers, ".csv", b"many words,b\nc,d\n") == HARMFUL


def test_files_come_in_order_and_no_child_stays(place: Path) -> None:
    found = []
    for number in range(40):
        suffix = list(GOOD)[number % len(GOOD)]
        name = f"{number:02}{suffix}"
        (place / name).write_bytes(GOOD[suffix])
        found.append(FileEntry(name, place / name))
    with Readers(2) as readers:
        results = list(readers.read(found, LIMIT, {}))
        processes = [one._process for one in readers._children]
    assert [file for file, _ in results] == found
    assert all(isinstance(result, Document) for _, result in results)
    assert all(one is not None and one.returncode is not None for one in processes)


def test_leaving_early_ends_the_children(place: Path) -> None:
    (place / "a.pdf").write_bytes(GOOD[".pdf"])
    with Readers(2) as readers:
        results = readers.read([FileEntry("a.pdf", place / "a.pdf")] * 100, LIMIT, {})
        next(results)
    assert all(one._process is None for one in readers._children)


def test_a_large_text_is_parsed_in_a_child(parsers: Readers) -> None:
    text = "# Überschrift\n\nText é 中\n\n## Sub\n\n" + "Words, " * 200_000
    assert parsers.parse(".md", text.encode()) == FORMATS[".md"].parser(text.encode())
    assert refusal(parsers, ".md", b" " * 2_000_000) == "empty"


# Laws


@pytest.mark.parametrize("suffix", GOOD)
def test_a_good_file_is_read(readers: Readers, place: Path, suffix: str) -> None:
    result = loaded(readers, place, f"good{suffix}", GOOD[suffix])
    assert isinstance(result, Document), result
    assert tiles(result.text, result.sections)


@settings(deadline=None, max_examples=200)
@given(suffix=st.sampled_from(list(FORMATS)), data=st.binary(max_size=300))
def test_any_bytes_are_a_document_or_skipped(
    readers: Readers, place: Path, suffix: str, data: bytes
) -> None:
    result = loaded(readers, place, f"any{suffix}", data)
    assert isinstance(result, Refused) or (
        isinstance(result, Document) and tiles(result.text, result.sections)
    )


@settings(deadline=None, max_examples=200)
@given(
    suffix=st.sampled_from(list(GOOD)),
    at=st.floats(0, 1),
    data=st.binary(min_size=1, max_size=50),
)
def test_any_damage_is_survived(
    readers: Readers, place: Path, suffix: str, at: float, data: bytes
) -> None:
    good = GOOD[suffix]
    cut = int(at * len(good))
    result = loaded(readers, place, f"cut{suffix}", good[:cut] + data + good[cut + len(data) :])
    assert isinstance(result, Refused) or (
        isinstance(result, Document) and tiles(result.text, result.sections)
    )


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b"{",
        b'{"length": 5, "sections": [], "title": "", "notes": []}',
        b'{"length": 5, "sections": [[0, 0, 9, "", "line", 1]], "title": "", "notes": []}',
        b'{"length": 5, "sections": [["0", 0, 1, "", "line", 1]], "title": "", "notes": []}',
        b'{"length": 5, "sections": [[0, 0, 1.0, "", "line", 1]], "title": "", "notes": []}',
        b'{"length": 5, "sections": [[0, 0, 1, "", "line", -1]], "title": "", "notes": []}',
        b'{"length": 5, "sections": [[0, 0, 1, 2, 3, 4, 5, 6, 7]], "title": "", "notes": []}',
        b'{"length": 5, "sections": 3, "title": "", "notes": []}',
        b'{"length": 6, "sections": [[0, 0, 1, "", "line", 1]], "title": "", "notes": []}',
        b'{"length": -1, "sections": [[0, 0, 1, "", "line", 1]], "title": "", "notes": []}',
        b'{"length": "5", "sections": [[0, 0, 1, "", "line", 1]], "title": "", "notes": []}',
        b"[" * 100_000,
    ],
)
def test_what_a_child_that_was_taken_over_may_answer_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError):
        child.parsed(BytesIO(head + b"\nText."))


def test_what_a_child_answers_is_text_where_text_is_due() -> None:
    head = b'{"length": 5, "sections": [[0, 0, 5, 2, 3, 4]], "title": 5, "notes": [6]}'
    found = child.parsed(BytesIO(head + b"\nText."))
    assert found == Parsed("Text.", [Section(0, 0, 5, "2", "3", 4)], "5", ("6",))
