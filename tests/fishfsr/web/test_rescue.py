"""Faces marked by hand: places in the view are places in the photo, however near it is looked at; only what was dropped is shown."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest

from fishfsr.errors import ConfigurationError, InputError
from fishfsr.web.rescue import Marking, PhotoWindow, RescueDesk, marks_text, problem_of, typed_marks, view, whole
from fishprep.decoding.decode import Limits


@pytest.fixture(scope="module")
def desk(build: Path) -> RescueDesk:
    return RescueDesk(build, Limits())


def test_what_is_shown_was_dropped_and_can_be_seen(desk: RescueDesk) -> None:
    """The torn file was never decoded."""
    assert [photo.id for photo in desk.photos] == ["upside_down"] and desk.counts() == {"no_face": 1}
    assert desk.of("too_small") == [] and desk.of("") == list(desk.photos)
    assert desk.open(desk.photos[0]).shape == (512, 512, 3)


def test_another_photo_is_not_shown(build: Path) -> None:
    desk, path = RescueDesk(build, Limits()), build.parent / "photos" / "upside_down.png"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"more")
        with pytest.raises(InputError, match="has changed since the build"):
            desk.open(desk.photos[0])
        path.unlink()
        with pytest.raises(InputError, match="not to be seen any more"):
            desk.open(desk.photos[0])
    finally:
        path.write_bytes(before)


def test_a_folder_without_records(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="records cannot be read"):
        RescueDesk(tmp_path, Limits())


@pytest.mark.parametrize("size", [(512, 512), (3000, 2000), (40, 90)])
def test_places_in_the_view_are_places_in_the_photo(size: tuple[int, int]) -> None:
    """A single bright pixel is shown where its mark is, and what is clicked there is its place."""
    height, width = size
    pixels = np.zeros((height, width, 3), np.uint8)
    place = (round(width * 0.7), round(height * 0.2))
    pixels[max(0, place[1] - 2) : place[1] + 3, max(0, place[0] - 2) : place[0] + 3] = 255
    window = whole(pixels)
    for _ in range(3):
        shown = view(pixels, window, ())
        assert max(shown.shape) == 960
        rows, columns = np.nonzero(shown[..., 0] > 0.5 * shown.max())
        seen = columns.mean(), rows.mean()
        assert np.abs(np.subtract(window.to_view(place), seen)).max() < 1.5
        assert np.abs(np.subtract(window.to_photo(*seen), place)).max() < max(0.6, 1.5 / window.scale)
        window = window.closer(*seen)
        assert window.left >= 0 and window.top >= 0
        assert window.left + window.width <= width and window.top + window.height <= height
    assert window.width < width and window.height < height


def test_crosses_are_where_the_marks_are() -> None:
    pixels = np.full((200, 200, 3), 128, np.uint8)
    window = PhotoWindow(50, 50, 100, 100)
    shown = view(pixels, window, ((80.0, 90.0), (400.0, 400.0)))
    assert tuple(shown[round(window.to_view((80, 90))[1]), round(window.to_view((80, 90))[0])]) != (128, 128, 128)
    changed = np.argwhere((shown != 128).any(axis=2))
    assert np.abs(changed.mean(axis=0) - window.to_view((80, 90))[::-1]).max() < 1.5


def test_marks_become_a_file() -> None:
    marking = Marking().with_marks("b/ü.jpg", ((1.0, 2.004), (30.0, 2.0))).with_marks("a.jpg", ((1.0, 2.0),))
    assert marking.finished == {"b/ü.jpg": [[1.0, 2.0], [30.0, 2.0]]}
    said = base64.b64decode(marking.address.partition("base64,")[2])
    assert json.loads(said) == marking.finished
    assert marking.with_marks("b/ü.jpg", ()).address == "" and marking.of("nobody") == ()


def test_marks_may_be_typed() -> None:
    pixels = np.zeros((100, 50, 3), np.uint8)
    marks = typed_marks(" 1 2.5,30 4 , 20.25 50", pixels)
    assert marks == ((1.0, 2.5), (30.0, 4.0), (20.25, 50.0)) and typed_marks(marks_text(marks), pixels)[0] == (1.0, 2.5)
    assert typed_marks("", pixels) == () and problem_of(marks) == ""
    assert "the other eye is not marked" in problem_of(marks[:1])
    assert "on the line" in problem_of(((1, 1), (41, 1), (20, 2)))
    for text, words in {
        "1": "two numbers",
        "1 x": "two numbers",
        "60 1": "50 x 100",
        "1 1,2 2,3 3,4 4": "are all",
    }.items():
        with pytest.raises(InputError, match=words):
            typed_marks(text, pixels)
