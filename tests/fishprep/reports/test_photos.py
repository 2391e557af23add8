"""Dropped photos are shown only where they are what the build saw."""

import base64
import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fishprep.common.names import path_of, text
from fishprep.decoding.decode import Limits
from fishprep.reports.photos import SIDE, PhotoFolder


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_paths_come_back_from_their_names(name: bytes) -> None:
    assert os.fsencode(path_of(text(os.fsdecode(name)))) == name


@pytest.fixture
def folder(tmp_path: Path) -> PhotoFolder:
    root = tmp_path / "photos"
    root.mkdir()
    return PhotoFolder(root, Limits(max_bytes=2**20, max_pixels=300_000))


def row(folder: PhotoFolder, path: str) -> dict[str, Any]:
    return {
        "status": "undecodable",
        "path": path,
        "sha256": hashlib.sha256((folder.root / path_of(path)).read_bytes()).hexdigest(),
    }


def picture(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/webp;base64,"), validate=True)))


def test_a_photo_with_a_hostile_name_is_shown_small(folder: PhotoFolder) -> None:
    name = os.fsdecode(b'\xe9\n"<b>\\.png')
    Image.fromarray(skimage.data.astronaut()).save(folder.root / name, "PNG")
    thumbnail = folder.thumbnail(row(folder, text(name)))
    assert thumbnail.uri is not None and picture(thumbnail.uri).size == (SIDE, SIDE)
    expected = np.asarray(Image.fromarray(skimage.data.astronaut()).resize((SIDE, SIDE)), float)
    assert np.abs(np.asarray(picture(thumbnail.uri).convert("RGB"), float) - expected).mean() < 6


def test_what_was_seen_and_not_believed_is_framed(folder: PhotoFolder) -> None:
    Image.new("RGB", (400, 200)).save(folder.root / "dark.png")
    known = row(folder, "dark.png")
    for box, framed in (((99.5, 49.5, 199.5, 149.5), True), ((-50.0, -50.0, -9.0, -9.0), False), (None, False)):
        uri = folder.thumbnail({**known, "candidate_box": box}).uri
        assert uri is not None
        drawn = np.asarray(picture(uri).convert("L")) > 60
        assert drawn.any() == framed
        if framed:
            rows, columns = np.nonzero(drawn)
            np.testing.assert_allclose(
                (columns.min(), rows.min(), columns.max(), rows.max()), (50, 25, 100, 75), atol=2.5
            )


def test_another_file_at_the_place_is_not_shown(folder: PhotoFolder) -> None:
    (folder.root.parent / "secret.png").write_bytes(b"x")
    Image.new("RGB", (9, 9)).save(folder.root / "a.png")
    known = row(folder, "a.png")
    Image.new("RGB", (9, 9), "white").save(folder.root / "a.png")
    assert folder.thumbnail(known).problem == "the photo has changed since the build"
    outside = folder.thumbnail({"status": "unreadable", "path": "../secret.png", "sha256": known["sha256"]})
    assert outside.uri is None and "changed" in outside.problem


@pytest.mark.parametrize("path", ["gone.png", "", "..", "a\0b.png", "x" * 5000])
def test_what_cannot_be_opened_is_said(folder: PhotoFolder, path: str) -> None:
    thumbnail = folder.thumbnail({"status": "unreadable", "path": path, "sha256": "0" * 64})
    assert thumbnail.uri is None and "not to be seen" in thumbnail.problem


def test_a_photo_that_the_build_could_not_read_is_not_tried(folder: PhotoFolder) -> None:
    Image.new("RGB", (9, 9)).save(folder.root / "a.png")
    assert (
        folder.thumbnail({"status": "unreadable", "path": "a.png", "sha256": ""}).problem
        == "the build could not read it"
    )


def test_the_limits_of_the_build_hold(folder: PhotoFolder) -> None:
    Image.new("1", (3000, 3000)).save(folder.root / "large.png")
    assert "3000 x 3000" in folder.thumbnail(row(folder, "large.png")).problem
    (folder.root / "junk.jpg").write_bytes(b"\xff\xd8\xff junk")
    assert folder.thumbnail(row(folder, "junk.jpg")).uri is None
