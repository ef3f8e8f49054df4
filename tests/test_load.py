import os
import socket
import subprocess
import sys
import tempfile
import time
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import KnowledgeMissing
from assistant.load import folder, formats
from assistant.load.builder import Refused, Unavailable
from assistant.load.folder import FileEntry, scan_folder
from assistant.load.readers import Outcome, Readers, Unchanged, read
from assistant.text import blank
from assistant.types import Document, Section
from research.benchmarks.files import pdf

LIMIT = 2**20
SAMPLE = Path(__file__).parent.parent / "knowledge" / "china-belarus-joint-statement.txt"
LONG = "This paragraph is one long line, as editors without wrapping write it, and so it goes on."
LONG_ZH = "双方同意在贸易、产业链、能源和安全等领域深化合作，并就共同关心的地区问题交换意见。"
LONG_RU = (
    "Стороны договорились расширять сотрудничество в торговле, энергетике и образовании ежегодно."
)

HERE = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

# Files


def loaded(folder: Path, name: str, data: bytes | str) -> Outcome:
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read(FileEntry(name, path), LIMIT)


def document(folder: Path, name: str, data: bytes | str) -> Document:
    answer = loaded(folder, name, data)
    assert isinstance(answer, Document), answer
    return answer


def reasons(folder: Path) -> dict[str, str]:
    return scan_folder(folder, LIMIT).skipped


def sources(folder: Path) -> list[str]:
    return [found.source for found in scan_folder(folder, LIMIT).files]


def is_refused(outcome: Outcome, reason: str) -> bool:
    """Whether the bytes were refused for this reason, which is remembered by their hash."""
    return isinstance(outcome, Refused) and str(outcome) == reason and len(outcome.sha256) == 64


def is_unavailable(outcome: Outcome, reason: str) -> bool:
    return isinstance(outcome, Unavailable) and str(outcome) == reason


def tiles(text: str, sections: tuple[Section, ...]) -> bool:
    """Whether the sections are in order, have bodies, and leave nothing but white space out."""
    at = 0
    for section in sections:
        assert at <= section.start <= section.body < section.end <= len(text)
        assert not text[at : section.start].strip()
        assert not blank(text[section.body : section.end])
        at = section.end
    return not text[at:].strip()


def test_a_folder_is_listed_by_source(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/two.MD", "b.txt", "a.Txt", "c.markdown", "d.PDF"):
        (tmp_path / name).write_text("x")
    found, *others = scan_folder(tmp_path, LIMIT)
    assert [file.source for file in found] == ["a.Txt", "b.txt", "b/two.MD", "c.markdown", "d.PDF"]
    assert found[2].path == tmp_path / "b" / "two.MD"
    assert others == [{}, {}]


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeMissing):
        scan_folder(tmp_path / "nowhere", LIMIT)


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    for name in ("a.XYZ", "Makefile"):
        (tmp_path / name).write_text("x")
    assert reasons(tmp_path) == {"a.XYZ": "unknown format .xyz", "Makefile": "unknown format"}


def test_an_unchanged_file_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Words.")
    digest = sha256(b"Words.").hexdigest()
    assert isinstance(read(FileEntry("a.txt", path), LIMIT, known=digest), Unchanged)
    changed = read(FileEntry("a.txt", path), LIMIT, known="0")
    assert isinstance(changed, Document)
    assert changed.sha256 == digest


@pytest.mark.parametrize("data", [b"", b" \n\t\r\n", BOM_UTF8, "\u200b\ufeff\n".encode()])
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_f1_empty(tmp_path: Path, name: str, data: bytes) -> None:
    assert is_refused(loaded(tmp_path, name, data), "empty")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(os.urandom(64_000), id="random"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + os.urandom(500), id="picture"),
        pytest.param("UTF-16 without a mark".encode("utf-16-le"), id="utf16"),
        pytest.param(b"\0" * 100, id="zeros"),
    ],
)
def test_f2_not_text(tmp_path: Path, data: bytes) -> None:
    assert is_refused(loaded(tmp_path, "photo.txt", data), "not text")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "café"),
        ("cp1252", "L’été à la plage, déjà vu : « naïve » façade, 5 €."),
        ("cp1252", "Der Müller fährt über die Brücke nach Köln."),
        ("cp1251", "Привет"),
        ("cp1251", "ДОГОВОР № 5: Hi-Tech Park, Минск. Стороны договорились о сотрудничестве."),
        ("cp1251", "Пагадненне аб супрацоўніцтве ўступае ў сілу."),
        ("cp1251", "Угода про співпрацю між сторонами її набуде чинності."),
        ("gb18030", "第一条 总则：本协议自签署之日起生效，有效期两年。"),
        ("gb18030", "Agreement 协议 between the parties 双方"),
    ],
)
def test_f3_an_encoding_is_guessed(tmp_path: Path, encoding: str, text: str) -> None:
    found = document(tmp_path, "a.txt", text.encode(encoding))
    assert found.text == text
    assert found.notes == (f"guessed encoding {encoding}",)


def test_f3_one_bad_byte_leaves_the_rest(tmp_path: Path) -> None:
    text = "Стороны договорились о сотрудничестве. " * 3
    found = document(tmp_path, "a.txt", text.encode() + b"\xff")
    assert found.text == text + "\ufffd"
    assert found.notes == ("guessed encoding utf-8",)


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be")],
)
def test_f4_byte_order_marks(tmp_path: Path, mark: bytes, encoding: str) -> None:
    text = "Отчёт\r\n\r\n中国 café 😀."
    found = document(tmp_path, "a.txt", mark + text.encode(encoding))
    assert (found.text, found.notes) == (text, ())
    assert found.sections == document(tmp_path, "b.txt", text).sections


def test_f5_nul(tmp_path: Path) -> None:
    assert document(tmp_path, "a.txt", "a\0b").text == "a\ufffdb"


@pytest.mark.parametrize("mark", [b"", BOM_UTF16_LE])
def test_f6_lone_surrogates(tmp_path: Path, mark: bytes) -> None:
    data = "a\ud800b, and more".encode("utf-16-le" if mark else "utf-8", "surrogatepass")
    assert document(tmp_path, "a.txt", mark + data).text == "a\ufffdb, and more"


def test_f7_too_large(tmp_path: Path) -> None:
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    began = time.perf_counter()
    over = "over the 50 MB limit"
    assert scan_folder(tmp_path, 50 * 2**20) == ([], {"big.txt": over}, {})
    assert is_unavailable(read(FileEntry("big.txt", path), 50 * 2**20), over)
    assert time.perf_counter() - began < 1


def test_f8_a_million_short_lines(readers: Readers, tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("A short line.\n" * 1_000_000)
    ((_, found),) = readers.read([FileEntry("long.txt", path)], 50 * 2**20, {})
    assert isinstance(found, Document)
    assert (len(found.text), len(found.sections)) == (14_000_000, 1)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".csv", ".html"])
def test_f9_a_long_line_without_spaces(readers: Readers, tmp_path: Path, suffix: str) -> None:
    """Quadratic time would be hours, and the child has seconds."""
    path = tmp_path / f"line{suffix}"
    path.write_text("x" * 10_000_000)
    ((_, found),) = readers.read([FileEntry(path.name, path)], 50 * 2**20, {})
    assert isinstance(found, Document)
    assert found.text == "x" * 10_000_000


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_f18_links_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "knowledge"
    (folder / "sub").mkdir(parents=True)
    (folder / "real.txt").write_text("x")
    (tmp_path / "outside").mkdir()
    links: dict[str, str | Path] = {
        "passwd.txt": "/etc/passwd",
        "outside": tmp_path / "outside",
        "sub/up": "../..",
        "inside.txt": "real.txt",
        "loop": ".",
        "self.txt": "self.txt",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    outside = "link outside the folder"
    assert sources(folder) == ["real.txt"]
    assert reasons(folder) == {
        "passwd.txt": outside,
        "outside": outside,
        "sub/up": outside,
        "inside.txt": "link",
        "loop": "link",
        "self.txt": "link",
    }
    late = FileEntry("passwd.txt", folder / "passwd.txt")  # became a link after the scan
    assert is_unavailable(read(late, LIMIT), "link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_f19_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.md"))
        wrong = "not a regular file"
        assert reasons(tmp_path) == {"pipe.txt": wrong, "socket.md": wrong}
        for name in ("pipe.txt", "socket.md"):
            assert is_unavailable(read(FileEntry(name, tmp_path / name), LIMIT), wrong)
    assert is_unavailable(read(FileEntry("zero", Path("/dev/zero")), LIMIT), wrong)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything, so be someone else."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of another kind")
def test_f20_no_permission() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "shut").mkdir()
        (folder / "shut" / "a.txt").write_text("x")
        for file in ("open.txt", "shut.txt"):
            (folder / file).write_text("Words.")
        folder.chmod(0o755)
        (folder / "shut").chmod(0)
        (folder / "shut.txt").chmod(0)
        with as_nobody():
            found, skipped, unavailable = scan_folder(folder, LIMIT)
            answers = [read(file, LIMIT) for file in found]
        (folder / "shut").chmod(0o700)
    assert (skipped, unavailable) == ({}, {"shut": "no permission"})
    assert isinstance(answers[0], Document)
    assert len(answers) == 2
    assert is_unavailable(answers[1], "no permission")


@pytest.mark.skipif(sys.platform != "linux", reason="not every system has such names")
def test_f21_f22_f23_odd_names(tmp_path: Path) -> None:
    names: dict[str | bytes, str] = {
        b"a\nb.txt": "a\\nb.txt",
        b"a\\nb.txt": "a\\\\nb.txt",
        "a\u202etxt.md": "a\\u202etxt.md",
        b"bad\xff.txt": "bad\\udcff.txt",
        b"x" * 251 + b".txt": "x" * 251 + ".txt",
        b"[x](javascript:alert(1)).md": "[x](javascript:alert(1)).md",
        b"<img onerror>.txt": "<img onerror>.txt",
        b"{question}.txt": "{question}.txt",
        "договор 中国 é.txt": "договор 中国 é.txt",
        b" .txt": " .txt",
    }
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text("Words.")
    found, *others = scan_folder(tmp_path, LIMIT)
    assert [file.source for file in found] == sorted(names.values())
    assert others == [{}, {}]
    for file in found:
        assert isinstance(read(file, LIMIT), Document)
        assert file.source.encode().decode() == file.source


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere these are one file")
def test_f25_names_that_differ_by_case_or_form_are_two_files(tmp_path: Path) -> None:
    names = ["A.txt", "a.TXT", "caf\u00e9.txt", "cafe\u0301.txt"]
    for name in names:
        (tmp_path / name).write_text("Words.")
    found = scan_folder(tmp_path, LIMIT).files
    assert sorted(file.source for file in found) == sorted(names)
    read_again = [read(file, LIMIT) for file in found]
    assert len({answer.source for answer in read_again if isinstance(answer, Document)}) == 4


def test_f26_disappeared(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    found = scan_folder(tmp_path, LIMIT).files
    (tmp_path / "sub" / "a.txt").unlink()
    assert is_unavailable(read(found[0], LIMIT), "disappeared")
    (tmp_path / "sub").rmdir()
    (tmp_path / "sub").write_text("a file now")
    assert is_unavailable(read(found[0], LIMIT), "disappeared")


@pytest.mark.parametrize("times", [1, 2])
def test_f27_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Old words.")
    real, left = folder._content, [times]

    def meddled(file: BinaryIO, limit: int) -> bytes:
        data = real(file, limit)
        if left[0]:
            left[0] -= 1
            with path.open("a") as writer:
                writer.write(" New words.")
        return data

    monkeypatch.setattr(folder, "_content", meddled)
    answer = read(FileEntry("a.txt", path), LIMIT)
    if times == 1:
        assert isinstance(answer, Document)
        assert answer.text == "Old words. New words."
        assert answer.sha256 == sha256(answer.text.encode()).hexdigest()
    else:
        assert is_unavailable(answer, "changing, try again")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of this kind there")
def test_f29_many_files_in_deep_folders(tmp_path: Path) -> None:
    """20,000 files, 40 folders deep, and no more than 256 of them open at once."""
    place = tmp_path
    for level in range(40):
        place = place / f"level{level}"
        place.mkdir()
        for number in range(500):
            (place / f"{number}.txt").write_text(f"File {number} on level {level}.")
    code = """if True:
        import resource, sys
        from pathlib import Path
        from assistant.load.folder import scan_folder
        from assistant.load.readers import Readers
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        found, skipped, _ = scan_folder(Path(sys.argv[1]), 1000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with Readers() as readers:
            read = sum(len(result.text) > 0 for _, result in readers.read(found, 1000, {}))
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(read, len(skipped), after - before < 50_000)
    """
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=HERE)
    assert done.stdout == "20000 0 True\n", done.stderr


def test_f30_hidden_files_and_keys(tmp_path: Path) -> None:
    for name in (".git", ".obsidian"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note.md").write_text("x")
    hidden, keys = (
        (".env", ".gitkeep", ".a.txt", "...", "~$a.docx"),
        ("id_rsa", "A.PEM", "b.key", "prod.env"),
    )
    for name in (*hidden, *keys, "id_card.txt"):
        (tmp_path / name).write_text("x")
    expected = dict.fromkeys((".git", ".obsidian", *hidden), "hidden")
    assert reasons(tmp_path) == expected | dict.fromkeys(keys, "looks like a key")
    assert sources(tmp_path) == ["id_card.txt"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a\u202eb", ("holds 1 hidden character",)),
        ("a\u200bb\U000e0041\u2066", ("holds 3 hidden characters",)),
        ("plain é 中 😀", ()),
    ],
)
def test_hidden_characters_are_noted(tmp_path: Path, text: str, note: tuple[str, ...]) -> None:
    found = document(tmp_path, "a.txt", text)
    assert (found.text, found.notes) == (text, note)


# Headings of plain text


def headings(text: str, suffix: str = ".txt") -> list[str]:
    parsed = formats.parse(suffix, text.encode())
    assert tiles(text, tuple(parsed.sections))
    return [section.heading for section in parsed.sections if section.heading]


def test_the_headings_of_the_sample(tmp_path: Path) -> None:
    found = document(tmp_path, "a.txt", SAMPLE.read_bytes())
    assert found.title == ""
    assert [section.heading for section in found.sections] == [
        "",
        "Strengthening Economic Ties",
        "Focus on Industrial Supply Chains",
        "Expanding Cooperation in the Greater Bay Area",
        "Energy and Security Collaboration",
        "A Long-Standing Relationship",
        "Way Forward",
    ]
    for section in found.sections:
        assert found.text[section.start : section.body].strip() == section.heading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Term\n\nTwo years.", ["Term"], id="alone"),
        pytest.param(f"Term\n{LONG}", ["Term"], id="above a long line"),
        pytest.param(f"{LONG}\nTerm\n{LONG}", ["Term"], id="after a sentence"),
        pytest.param(f"Term\r\n\r\n{LONG}\r\n", ["Term"], id="windows"),
        pytest.param(f"Terms\n\nDuration\n\n{LONG}", ["Terms › Duration"], id="stacked"),
        pytest.param(f"Terms\nDuration\n{LONG}", ["Terms › Duration"], id="stacked tight"),
        pytest.param(
            f"1. Scope\n\n{LONG}\n\n2. Term\n\n{LONG}", ["1. Scope", "2. Term"], id="numbered"
        ),
        pytest.param(f"总则\n\n{LONG_ZH}\n期限\n{LONG_ZH}", ["总则", "期限"], id="chinese"),
        pytest.param("第一条 期限\n\n两年。", ["第一条 期限"], id="chinese alone"),
        pytest.param(
            f"Предмет договора\n\n{LONG_RU}\n\nСроки\n{LONG_RU}",
            ["Предмет договора", "Сроки"],
            id="russian",
        ),
        pytest.param(
            "Scope\n\nThis is prose that\nBelarus wrapped\nby hand.", ["Scope"], id="above wrapped"
        ),
    ],
)
def test_a_short_line_alone_above_a_paragraph_is_its_heading(
    text: str, expected: list[str]
) -> None:
    assert headings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "The parties, having met in Minsk in the summer of this year, agreed that\n"
            "trade should grow. They also said\nThat energy matters to both of them and to the"
            " region as a whole too.\n\nNew paragraphs begin like this one does and go on and on"
            " for a\nwhile.\n",
            id="wrapped prose",
        ),
        pytest.param(
            "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate\n"
            "Rough winds do shake the darling buds of May\nAnd summer's lease hath all too short\n"
            "\nSometime too hot the eye of heaven shines\nAnd often is his gold complexion dimmed.",
            id="verse",
        ),
        pytest.param(f"We need:\n\n- Milk\n- Eggs\n\n{LONG}", id="bullets"),
        pytest.param(f"We need\n1. Milk\n2. Eggs\n\n{LONG}", id="numbered list"),
        pytest.param(f"We need:\n\n1. Milk\n\n2. Eggs\n\n{LONG}", id="loose numbered list"),
        pytest.param(f"Milk\n\nEggs\n\nBread\n\nButter\n\n{LONG}", id="loose bare list"),
        pytest.param(f"Acme Ltd\n12 Long Road\nLondon\n\n{LONG}", id="address"),
        pytest.param(f"Name  Age\nAna  31\n\nBo\t4\n\n{LONG}\n\nA | B\n{LONG}", id="table"),
        pytest.param("“Where to?”\n\n— Minsk\n\n“Now?” he said.", id="dialogue"),
        pytest.param(f"Dear Sir,\n\n{LONG}", id="salutation"),
        pytest.param(f"License: MIT\n\n{LONG}\n\nhttps://a.example\n\n{LONG}", id="fields"),
        pytest.param(f"{LONG}\n\nWho pays?\n\n{LONG}", id="question"),
        pytest.param(f"{LONG}\n\nlower case\n\n{LONG}", id="lower case"),
        pytest.param(f"{LONG}\n\n因此，\n\n{LONG_ZH}", id="chinese comma"),
        pytest.param("One\n\nTwo\n\nThree", id="nothing below"),
        pytest.param(f"{LONG}\n\nThe End", id="last line"),
        pytest.param("A line of text", id="one line"),
    ],
)
def test_what_is_no_heading(text: str) -> None:
    assert headings(text) == []


def test_a_title_opens_the_document(tmp_path: Path) -> None:
    text = f"\n\nAgreement\n\nScope\n\n{LONG}\n\nTerm\n\n{LONG}"
    found = document(tmp_path, "a.txt", text)
    assert found.title == "Agreement"
    assert [section.heading for section in found.sections] == ["Agreement › Scope", "Term"]
    assert document(tmp_path, "b.txt", f"{LONG}\n\nTerm\n\n{LONG}").title == ""


# Headings of Markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A\n\ntext\n\n## B\n\ntext\n\n# C\ntext", ["A", "A › B", "C"]),
        ("# A\n## B\n### C\ntext\n## D\ntext", ["A › B › C", "A › D"]),
        ("A\n===\ntext\n\nB\n---\ntext", ["A", "A › B"]),
        ("# A\r\n\r\ntext\r\r## B\r\rtext", ["A", "A › B"]),
        ("# *A* `b` [c](d) &amp; e #\n\ntext", ["A b c & e"]),
        ("```\n# no\n```\n\n    # no\n\n> # no\n\n- # no\n", []),
        ("#no\n\n#\n\ntext", []),
        ("text\n\n# A\n\n# B\n", []),
        ("---\ntitle: no\n---\n\n# A\n\ntext", ["A"]),
        ("---\ntitle: no\n---\ntext", []),
        ("---\n# A\ntext\n\n---\n", ["A"]),
        ("<!--\n# no\n-->\n\n# Да\n\nтекст", ["Да"]),
    ],
)
def test_headings_of_markdown(text: str, expected: list[str]) -> None:
    assert headings(text, ".md") == expected


def test_a_section_of_markdown_is_where_it_says(tmp_path: Path) -> None:
    text = "---\nx: y\n---\n# Title\n\n## *Leave*\n\nTwo weeks.\n"
    found = document(tmp_path, "a.md", text)
    assert found.title == "Title"
    _, section = found.sections
    assert text[section.start : section.body] == "# Title\n\n## *Leave*\n"
    assert text[section.body : section.end] == "\nTwo weeks.\n"


# PDF


def test_a_pdf_has_a_section_for_each_page_with_text(tmp_path: Path) -> None:
    data = pdf("First page.", "", "Two docu-\nments here.", title="An  Agreement")
    found = document(tmp_path, "a.pdf", data)
    assert found.title == "An Agreement"
    assert [section.number for section in found.sections] == [1, 3]
    words = [found.text[section.start : section.end] for section in found.sections]
    assert words == ["First page.", "Two documents here."]
    assert tiles(found.text, found.sections)
    assert found.sha256 == sha256(data).hexdigest()


@pytest.mark.parametrize("title", ["", "Microsoft Word - a.docx", "untitled", "letter.tex"])
def test_a_pdf_without_a_real_title_has_none(tmp_path: Path, title: str) -> None:
    assert document(tmp_path, "a.pdf", pdf("Words.", title=title)).title == ""


# Laws

LINES = st.sampled_from(
    ["", " ", "\t", "\xa0", "\u200b", "Term", "Scope of it", "总则", LONG, LONG_ZH, "A sentence."]
) | st.sampled_from(
    ["# A", "## B *c*", "===", "---", "```", "> # q", "- Item", "1. Scope", "x: y", "<!--"]
)
ENDS = st.sampled_from(["\n", "\n\n", "\r\n", "\r", "\u2028", "\x0c", ""])
LIKELY = st.lists(st.tuples(LINES, ENDS)).map(lambda parts: "".join(map("".join, parts)))
TEXTS = st.one_of(LIKELY, st.text())
SUFFIXES = st.sampled_from([".txt", ".md"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


@settings(deadline=None)
@given(suffix=SUFFIXES, text=TEXTS)
def test_text_is_kept_and_its_sections_hold_all_of_it(place: Path, suffix: str, text: str) -> None:
    answer = loaded(place, f"a{suffix}", text)
    if isinstance(answer, Document):
        assert answer.text == text.removeprefix("\ufeff").replace("\0", "\ufffd")
        assert tiles(answer.text, answer.sections)
        assert answer.sections
    else:
        assert str(answer) in {"empty", "not text"}


@settings(deadline=None)
@given(suffix=SUFFIXES, data=st.binary(), mark=st.sampled_from([b"", BOM_UTF16_LE, BOM_UTF8]))
def test_any_bytes_are_a_document_or_skipped(
    place: Path, suffix: str, data: bytes, mark: bytes
) -> None:
    answer = loaded(place, f"b{suffix}", mark + data)
    if isinstance(answer, Document):
        assert tiles(answer.text, answer.sections)
        answer.text.encode()
