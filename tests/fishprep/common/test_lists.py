"""Lists of any editor, and what the names in them mean."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from places import text

from fishprep.common.errors import SourceError
from fishprep.common.files import is_file
from fishprep.common.lists import Index, Named, fit
from fishprep.common.locator import Locator
from fishprep.common.tables import read_table
from fishprep.common.text_files import read_lines

LINES = [(1, "a.jpg 0"), (3, "b é.jpg 1")]
CONTENT = "a.jpg 0\n\nb é.jpg 1\n"


@pytest.mark.parametrize(
    "content",
    [
        CONTENT.encode(),
        b"\xef\xbb\xbf" + CONTENT.encode(),
        CONTENT.replace("\n", "\r\n").encode(),
        CONTENT.replace("\n", "\r").encode(),
        CONTENT.encode("utf-16"),
        b"\xfe\xff" + CONTENT.encode("utf-16-be"),
        CONTENT.replace("b", "\ufeffb").encode(),  # two files with marks, joined
        CONTENT.replace("\n", " \t\n").encode(),
    ],
)
def test_lines_of_any_editor(tmp_path: Path, content: bytes) -> None:
    assert list(read_lines(text(tmp_path / "list.txt", content))) == LINES


def test_a_list_keeps_bytes_that_are_not_utf8_and_line_marks_within_names(tmp_path: Path) -> None:
    path = text(tmp_path / "list.txt", b"caf\xe9.jpg\nu\xe2\x80\xa8v.jpg\nw\x0cx.jpg\n")
    assert [line for _, line in read_lines(path)] == ["caf\udce9.jpg", "u\u2028v.jpg", "w\x0cx.jpg"]


@pytest.mark.parametrize("content", [b"a\0b\n", b"\xff\xfea", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"list\.txt.*not (a text file|text)"):
        list(read_lines(text(tmp_path / "list.txt", content)))


@pytest.mark.skipif(os.name != "posix", reason="needs pipes")
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_list_that_is_no_file_is_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "list.txt")
    with pytest.raises(SourceError, match=r"list\.txt: cannot be read: not a regular file"):
        list(read_lines(tmp_path / "list.txt"))


def test_a_name_that_no_system_could_hold_is_not_there(tmp_path: Path) -> None:
    assert not is_file(tmp_path / ("x" * 300)) and not is_file(tmp_path / "a\0b")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables_by_their_first_line(tmp_path: Path, delimiter: str) -> None:
    content = '\ufeff#Path#Split#Caption#\r\n0#"a, b; c.jpg"#train#"x ""y"""#\r\n\r\n1#d.jpg#test##\r\n'
    table = read_table(text(tmp_path / "list.csv", content.replace("#", delimiter)))
    assert table is not None and table.columns[:4] == ("", "path", "split", "caption")
    assert table.rows[0] == (2, ("0", "a, b; c.jpg", "train", 'x "y"', ""))
    assert table.rows[1][0] == 4 and table.others(("path", "split")) == ["caption"]


def test_a_table_as_excel_names_its_delimiter(tmp_path: Path) -> None:
    table = read_table(text(tmp_path / "list.csv", "sep=;\r\npath;a,b,c,d\r\nx.jpg;1\r\n"))
    assert table is not None and table.columns == ("path", "a,b,c,d") and table.rows == ((3, ("x.jpg", "1")),)


@pytest.mark.parametrize(
    ("listed", "photo"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a/b.jpg", "a/b.jpg"),
        ("a//./b.jpg", "a/b.jpg"),
        ("a/x/../b.jpg", "a/b.jpg"),
        (r"a\b.jpg", "a/b.jpg"),
        (r".\a\b.jpg", "a/b.jpg"),
        ("a/b.jpg", "a/b.png"),
        ("a/b.JPG", "a/b.jpeg"),
        ("a/b", "a/b.webp"),
        ("b.jpg", "a/b.png"),
        ("b", "deep/er/b.jpg"),
        ("john.smith", "john.smith.jpg"),
        ("u\u0308.jpg", "ü.jpg"),
        ("ü.jpg", "u\u0308.png"),
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        (r"caf\xe9.jpg", r"caf\xe9.jpg"),
    ],
)
def test_a_name_means_a_photo(listed: str, photo: str) -> None:
    assert fit({listed: "train"}, [Named(photo)], Path("list.txt")).names == (listed,)
    assert Index([listed], Path("list.txt")).find(photo) == listed


@pytest.mark.parametrize(("listed", "photo"), [("x/b.jpg", "a/b.jpg"), ("john.smith", "john.jpg"), ("A.jpg", "a.jpg")])
def test_a_name_does_not_mean_another_photo(listed: str, photo: str) -> None:
    found = fit({listed: "train"}, [Named(photo)], Path("list.txt"))
    assert found.names == (None,) and found.unknown == (listed,)


def test_what_fits_exactly_is_taken_first() -> None:
    photos = [Named("a.png"), Named("a.jpg"), Named("sub/a.jpg")]
    assert fit({"a.jpg": 1, "a.png": 2}, photos, Path("l")).names == ("a.png", "a.jpg", None)


def test_contrary_names_of_one_photo_are_refused_and_equal_ones_are_not() -> None:
    with pytest.raises(SourceError, match=r"'a\.jpg' and '\./a\.jpg' are the same photo"):
        fit({"a.jpg": "train", "./a.jpg": "test"}, [Named("a.jpg")], Path("l"))
    assert not fit({"a.jpg": "train", "./a.jpg": "train"}, [Named("a.jpg")], Path("l")).unknown
    with pytest.raises(SourceError, match=r"'a\.jpg' and 'a\.png' are the same photo"):
        fit({"a.jpg": "train", "a.png": "test"}, [Named("a.webp")], Path("l"))


def test_files_that_names_mean(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "b.PNG", "c.jpg", "c.webp", "._b.jpg"):
        text(tmp_path / name, "")
    locator = Locator(tmp_path)
    found = {name: locator.find(name, Path("l")) for name in (r"train\a.jpg", "./train/a.png", "b", "d", "x" * 300)}
    expected = {r"train\a.jpg": "train/a.jpg", "./train/a.png": "train/a.jpg", "b": "b.PNG", "d": None, "x" * 300: None}
    assert found == {name: path and tmp_path / path for name, path in expected.items()}
    with pytest.raises(SourceError, match=r"'c' may mean 'c\.jpg' or 'c\.webp'"):
        locator.find("c", Path("l"))
