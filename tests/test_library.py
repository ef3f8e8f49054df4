import errno
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import FileRefused, SourceUnusable
from assistant.library import Added, Library, safe_name
from assistant.load.folder import refusal, scan_folder
from assistant.load.formats import FORMATS
from assistant.settings import Settings

LIMIT = 2**20
TEXT = b"The refund limit is 100 euros."
PROGRAM = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + bytes(range(256)) * 20
# Given → stored. Whatever a browser, another program or another system may call a file.
NAMES = {
    "../../x.txt": "x.txt",
    "/etc/passwd.txt": "passwd.txt",
    "C:\\Users\\me\\x.txt": "x.txt",
    "..\\..\\x.txt": "x.txt",
    "C:x.txt": "C_x.txt",
    "x.txt:hidden.txt": "x.txt_hidden.txt",
    "%2e%2e%2fx.txt": "%2e%2e%2fx.txt",
    "a\0.txt": "a.txt",
    "x.exe\0.txt": "x.exe.txt",
    "a\r\nb.txt": "a b.txt",
    "\x1b[2Ja.txt": "[2Ja.txt",
    ".txt": "document.txt",
    "..txt": "document.txt",
    ".env.txt": "env.txt",
    ".../.hidden.md": "hidden.md",
    "~$report.docx.txt": "report.docx.txt",
    "-rf.txt": "rf.txt",
    "--help.txt": "help.txt",
    "con.txt": "_con.txt",
    "NUL .txt": "_NUL.txt",
    "com1.tar.txt": "_com1.tar.txt",
    "LPT¹.txt": "_LPT¹.txt",
    "a.txt. . ": "a.txt",
    "a .txt": "a.txt",
    "  a   b.txt": "a b.txt",
    "gpj\u202etxt.exe.txt": "gpjtxt.exe.txt",
    "a\u200bb\ufeff.txt": "ab.txt",
    "\ud800a.txt": "a.txt",
    "cafe\u0301.txt": "café.txt",
    'a<b>"c|d?e*f.txt': "a_b__c_d_e_f.txt",
    "<script>alert(1)</script>.txt": "script_.txt",
    "${x} {{y}} $(z) `w`.txt": "${x} {{y}} $(z) `w`.txt",
    "合同.txt": "合同.txt",
    "عقد.txt": "عقد.txt",
    "A.TXT": "A.TXT",
}


@pytest.fixture
def library(home: Path) -> Library:
    return Library(Settings(home=home, file_megabytes=1))


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A file of a good document, outside the folder."""
    path = tmp_path / "upload"
    path.write_bytes(TEXT)
    return path


def inside(home: Path) -> dict[str, bytes]:
    """Every file below the folder, hidden ones too."""
    folder = home / "knowledge"
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(("name", "stored"), NAMES.items(), ids=map(ascii, NAMES))
def test_u4_any_name_is_stored_inside_the_folder_under_a_safe_one(
    library: Library, home: Path, upload: Path, name: str, stored: str
) -> None:
    before = set(home.parent.iterdir())
    assert library.add(upload, name).source == stored
    assert inside(home) == {stored: TEXT}
    assert set(home.parent.iterdir()) == before
    assert upload.read_bytes() == TEXT


@pytest.mark.parametrize("stem", ["x" * 300, "合" * 300, "👩‍👩‍👧" * 60, "e\u0301" * 300])
def test_u4_a_long_name_is_cut_and_keeps_its_kind(
    library: Library, home: Path, upload: Path, stem: str
) -> None:
    stored = library.add(upload, f"{stem}.txt").source
    assert len(stored.encode()) <= 200
    assert stored.endswith(".txt")
    upload.write_bytes(b"Another text.")
    assert library.add(upload, f"{stem}.txt").source == stored.replace(".txt", " (2).txt")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("x.exe", "unknown format .exe"),
        ("x", "unknown format"),
        ("", "unknown format"),
        ("/", "unknown format"),
        (".env", "looks like a key"),
        ("secrets.env", "looks like a key"),
        ("id_rsa.txt", "looks like a key"),
        ("old.doc", "an old format: save it as DOCX"),
        ("a.txt.exe", "unknown format .exe"),
    ],
)
def test_u5_a_kind_that_cannot_be_read_is_refused(
    library: Library, home: Path, upload: Path, name: str, why: str
) -> None:
    with pytest.raises(FileRefused) as told:
        library.add(upload, name)
    assert str(told.value) == f"“{name}” was not added: {why}."
    assert inside(home) == {}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("content", [PROGRAM, b"\x7fELF\2\1\1" + PROGRAM, b""])
def test_u5_a_program_or_nothing_is_no_document_whatever_it_is_called(
    library: Library, home: Path, upload: Path, suffix: str, content: bytes
) -> None:
    upload.write_bytes(content)
    with pytest.raises(FileRefused, match=r"was not added: (empty|its content|damaged|not text)"):
        library.add(upload, f"report{suffix}")
    assert inside(home) == {}


def test_u5_a_pdf_called_a_text_is_refused(library: Library, home: Path, upload: Path) -> None:
    upload.write_bytes(b"%PDF-1.7 and so on")
    with pytest.raises(FileRefused, match=r"its content is not that of a \.txt file"):
        library.add(upload, "a.txt")
    assert inside(home) == {}


def test_u5_a_large_file_is_refused(library: Library, home: Path, upload: Path) -> None:
    upload.write_bytes(b"a" * (LIMIT + 1))
    with pytest.raises(FileRefused, match="over the 1 MB limit"):
        library.add(upload, "a.txt")
    assert inside(home) == {}


def test_u6_another_file_of_that_name_is_kept_and_the_new_one_numbered(
    library: Library, home: Path, upload: Path
) -> None:
    library.add(upload, "a.txt")
    upload.write_bytes(b"The refund limit is 200 euros.")
    added = library.add(upload, "a.txt")
    assert str(added) == (
        "“a (2).txt” was added: another “a.txt” is there. "
        "Remove that one if this is its new version."
    )
    assert inside(home) == {"a.txt": TEXT, "a (2).txt": b"The refund limit is 200 euros."}


def test_u6_the_same_file_again_is_already_there(
    library: Library, home: Path, upload: Path
) -> None:
    library.add(upload, "a.txt")
    upload.write_bytes(b"Another.")
    library.add(upload, "a.txt")
    assert str(library.add(upload, "a.txt")) == "“a (2).txt” is already there."
    upload.write_bytes(TEXT)
    assert library.add(upload, "a.txt") == Added("a.txt", "a.txt", is_new=False)
    assert len(inside(home)) == 2


def test_u6_a_link_or_a_folder_of_that_name_is_not_written_through(
    library: Library, home: Path, upload: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(TEXT)
    (home / "knowledge" / "a.txt").symlink_to(outside)
    (home / "knowledge" / "b.txt").mkdir()
    (home / "knowledge" / "c.txt").symlink_to(tmp_path / "nowhere")
    for name in "abc":
        assert library.add(upload, f"{name}.txt").source == f"{name} (2).txt"
    assert not (tmp_path / "nowhere").exists()


def test_u6_many_at_once_never_replace_one_another(
    library: Library, home: Path, tmp_path: Path
) -> None:
    contents = [b"The limit is %d euros." % number for number in range(8)]
    start = threading.Barrier(len(contents))

    def add(number: int) -> None:
        path = tmp_path / str(number)
        path.write_bytes(contents[number])
        start.wait()
        library.add(path, "a.txt")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(len(contents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(inside(home).values()) == contents


def test_a_disk_without_hard_links_is_served_as_safely(
    library: Library, home: Path, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    library.add(upload, "a.txt")
    upload.write_bytes(b"Another.")
    assert library.add(upload, "a.txt").source == "a (2).txt"
    library.remove("a.txt")
    assert inside(home) == {"a (2).txt": b"Another."}
    assert (home / "removed" / "a.txt").read_bytes() == TEXT


def test_a_full_disk_is_told_and_leaves_nothing(
    library: Library, home: Path, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileRefused, match="could not be stored .No space left on device"):
        library.add(upload, "a.txt")
    assert inside(home) == {}


@given(
    name=st.text(max_size=60) | st.text("./\\:\0 -~$%cCoOnN1(2)\u202e", max_size=20),
    suffix=st.sampled_from([".txt", ".TXT", ".md", "", ".exe"]),
)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_u4_whatever_the_name_the_file_is_inside_or_refused_and_no_other_changes(
    library: Library, home: Path, upload: Path, name: str, suffix: str
) -> None:
    before, outside = inside(home), set(home.parent.iterdir())
    upload.write_bytes(f"Text {len(before)}.".encode())
    stored = ""
    with suppress(FileRefused):
        stored = library.add(upload, name + suffix).source
    after = inside(home)
    assert set(home.parent.iterdir()) == outside
    assert {key: after[key] for key in before} == before
    assert after.keys() - before.keys() == ({stored} if stored else set())
    found = scan_folder(home / "knowledge", LIMIT).files
    assert {file.source for file in found} == after.keys()
    readable = refusal(safe_name(name + suffix)) == ""
    assert bool(stored) == readable
    assert readable or suffix not in (".txt", ".TXT", ".md") or "id_" in (name + suffix).lower()


@given(st.text(max_size=300))
@settings(deadline=None)
def test_u4_a_safe_name_stays_as_it_is(name: str) -> None:
    safe = safe_name(f"{name}.txt")
    assert safe_name(safe) == safe
    assert safe.isprintable()


def test_a_removed_file_is_kept_beside_the_folder_and_no_other_touched(
    library: Library, home: Path
) -> None:
    (home / "knowledge" / "sub").mkdir()
    for name in ("a.txt", "b.txt", "sub/a.txt"):
        (home / "knowledge" / name).write_text(name)
    assert library.remove("sub/a.txt") == home / "removed" / "sub" / "a.txt"
    assert inside(home) == {"a.txt": b"a.txt", "b.txt": b"b.txt"}
    library.remove("a.txt")
    (home / "knowledge" / "a.txt").write_text("newer")
    assert library.remove("a.txt") == home / "removed" / "a (2).txt"
    assert (home / "removed" / "a.txt").read_text() == "a.txt"
    assert (home / "removed" / "a (2).txt").read_text() == "newer"


def test_a_removed_file_is_restored_and_replaces_none(library: Library, home: Path) -> None:
    (home / "knowledge" / "sub").mkdir()
    assert library.removed() == {}
    for name in ("a.txt", "sub/a.txt"):
        (home / "knowledge" / name).write_text(name)
        library.remove(name)
    assert library.removed() == {"a.txt": 5, "sub/a.txt": 9}
    (home / "knowledge" / "sub").rmdir()
    assert library.restore("sub/a.txt") == "sub/a.txt"
    (home / "knowledge" / "a.txt").write_text("newer")
    assert library.restore("a.txt") == "a (2).txt"
    assert inside(home) == {"a.txt": b"newer", "a (2).txt": b"a.txt", "sub/a.txt": b"sub/a.txt"}
    assert library.removed() == {}


@pytest.mark.parametrize("name", ["../knowledge/a.txt", "/etc/passwd", "", "link.txt", "gone.txt"])
def test_u4_only_what_was_removed_is_restored(library: Library, home: Path, name: str) -> None:
    (home / "knowledge" / "a.txt").write_text("Mine.")
    (home / "removed").mkdir()
    (home / "removed" / "link.txt").symlink_to("/etc/passwd")
    with pytest.raises(SourceUnusable):
        library.restore(name)
    assert inside(home) == {"a.txt": b"Mine."}


def test_u4_nothing_is_restored_through_a_link_or_over_a_file(
    library: Library, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    for folder in ("link", "file"):
        (home / "removed" / folder).mkdir(parents=True)
        (home / "removed" / folder / "a.txt").write_text("Mine.")
    (home / "knowledge" / "link").symlink_to(tmp_path / "outside")
    (home / "knowledge" / "file").write_text("In the way.")
    for name in ("link/a.txt", "file/a.txt"):
        with pytest.raises(SourceUnusable):
            library.restore(name)
    assert library.removed().keys() == {"link/a.txt", "file/a.txt"}
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.fixture
def tempting(home: Path, tmp_path: Path) -> Iterator[Path]:
    """A file outside, with several ways to it from inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("Not yours.")
    (home / "knowledge" / "link.txt").symlink_to(outside / "a.txt")
    (home / "knowledge" / "folder").symlink_to(outside)
    (home / "knowledge" / ".hidden.txt").write_text("hidden")
    yield outside / "a.txt"
    assert (outside / "a.txt").read_text() == "Not yours."
    assert (home / "knowledge" / "link.txt").is_symlink()
    assert (home / "knowledge" / ".hidden.txt").exists()


@pytest.mark.parametrize(
    "source",
    [
        *("link.txt", "folder/a.txt", "../outside/a.txt", "../../outside/a.txt", ".hidden.txt"),
        *("", ".", "..", "/", "folder", "/etc/passwd", "a.txt\0", "missing.txt"),
    ],
)
def test_only_a_file_of_the_folder_is_removed_or_read(
    library: Library, tempting: Path, source: str
) -> None:
    for act in (library.remove, library.read):
        with pytest.raises(SourceUnusable):
            act(source)
    absolute = str(tempting)
    with pytest.raises(SourceUnusable, match="it is not among the documents"):
        library.remove(absolute)


def test_a_source_is_read_as_it_is_now_and_parsed_once(
    library: Library, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "knowledge" / "a.txt"
    path.write_text("One.")
    first = library.read("a.txt")
    assert (first.source, first.text) == ("a.txt", "One.")
    assert library.read("a.txt") is first
    path.write_text("Two.")
    assert library.read("a.txt").text == "Two."
    path.write_bytes(PROGRAM)
    with pytest.raises(SourceUnusable, match="“a.txt” cannot be used: not text"):
        library.read("a.txt")
