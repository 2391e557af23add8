"""Names of any bytes, unique and printable."""

import os

from hypothesis import given
from hypothesis import strategies as st

from fishprep.common.names import face_id, photo_ids, printable, text


def test_bytes_that_are_not_utf8_are_written_out_and_backslashes_doubled() -> None:
    assert text(os.fsdecode(b"caf\xe9/a\\b.jpg")) == r"caf\xe9/a\\b.jpg"
    assert text("é.jpg") == "é.jpg"


@given(st.binary(min_size=1).filter(lambda b: b"\0" not in b), st.binary(min_size=1).filter(lambda b: b"\0" not in b))
def test_different_bytes_have_different_text(a: bytes, b: bytes) -> None:
    assert (text(os.fsdecode(a)) == text(os.fsdecode(b))) == (a == b)
    text(os.fsdecode(a)).encode("utf-8")


@given(st.lists(st.text(alphabet="ab./#", min_size=1, max_size=8), unique=True))
def test_ids_are_unique(paths: list[str]) -> None:
    assert len(set(photo_ids(paths))) == len(paths)


def test_the_suffix_stays_only_where_it_is_needed() -> None:
    assert photo_ids(["a/x.jpg", "a/x.png", "a/y.jpg", "z", ".hidden"]) == ["a/x.jpg", "a/x.png", "a/y", "z", ".hidden"]
    assert photo_ids(["x.jpg", "x.png", "x.jpg.webp"]) == ["x.jpg", "x.png", "x.jpg.webp"]


@given(st.lists(st.text(alphabet="a#01", min_size=1, max_size=6), unique=True, max_size=12))
def test_no_photo_has_the_id_of_a_face_of_another(photos: list[str]) -> None:
    """However many faces each has, and whatever the setting of `--faces` was, in a build or in its retry."""
    ids = [face_id(photo, number) for photo in photos for number in (None, 0, 1, 10)]
    assert len(set(ids)) == len(ids)


def test_face_numbers_and_one_line() -> None:
    assert face_id("a/x", None) == "a/x" and face_id("a/x", 2) == "a/x#2"
    assert face_id("a#0", None) == "a##0"
    assert printable("a\nb\x1b[31m") == r"a\nb\x1b[31m"
