"""Files of results: found by their ticket alone, and taken away after a while."""

import os
import time
from pathlib import Path

import pytest

from fishfsr.web.shelf import Shelf, Slot


def filled(shelf: Shelf, size: int, age: float = 0) -> Slot:
    slot = shelf.slot()
    (slot.folder / "a.png").write_bytes(bytes(size))
    os.utime(slot.folder, (time.time() - age,) * 2)
    return slot


def test_a_file_is_found_by_its_ticket(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf", 60, 1000)
    slot = filled(shelf, 10)
    assert shelf.find(slot.ticket, "a.png") == slot.folder / "a.png"
    assert slot.address("a.png") == f"results/{slot.ticket}/a.png" and len(slot.ticket) >= 24


@pytest.mark.parametrize("name", ["b.png", "", "..", "../secret", "link.png", "a\0", "..\\secret", "sub"])
def test_nothing_else_is_found(tmp_path: Path, name: str) -> None:
    shelf = Shelf(tmp_path / "shelf", 60, 1000)
    slot = filled(shelf, 10)
    (tmp_path / "shelf" / "secret").write_text("secret")
    (slot.folder / "sub").mkdir()
    (slot.folder / "link.png").symlink_to(tmp_path / "shelf" / "secret")
    assert shelf.find(slot.ticket, name) is None
    assert shelf.find("..", "shelf") is None and shelf.find(".", "secret") is None and shelf.find("", "secret") is None


def test_what_has_stood_long_enough_goes_and_the_oldest_where_it_is_too_much(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf", 60, 1000)
    old, older, new = filled(shelf, 600, 20), filled(shelf, 300, 50), filled(shelf, 300)
    gone = filled(shelf, 1, 70)
    shelf.tidy()
    assert [slot.folder.exists() for slot in (new, old, older, gone)] == [True, True, False, False]
    shelf.tidy(now=time.time() + 100)
    assert list((tmp_path / "shelf").iterdir()) == []
