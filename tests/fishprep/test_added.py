"""What CONTRIBUTING says of adding things, done by its text alone: a toy of each goes through plan, build and report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import points
from here import Here
from small_build import face

import fishprep
from fishprep import BuildSettings
from fishprep.common.weights import WeightStore
from fishprep.decoding.containers import Opened, SizeCheck
from fishprep.decoding.formats import FORMATS, Format
from fishprep.decoding.metadata import Metadata
from fishprep.engines import ENGINES
from fishprep.faces.photo import Photo
from fishprep.faces.pyramid import RESIZERS, Resizer
from fishprep.landmarks import BACKENDS, BackendKind, LandmarkRequest
from fishprep.landmarks.base import Face, LandmarkBackend, Query
from fishprep.landmarks.geometry import box_of_points
from fishprep.parsing import PARSERS, ParserKind
from fishprep.parsing.base import ParsedFaces, ParserRequest
from fishprep.places.file import File
from fishprep.shards.reader import Shard
from fishprep.sources import SOURCES, Listing, Source, SourceKind, SourceRequest
from fishprep.sources.layout import Layout

MARK = b"ROWS"


class Rows:
    """A source: the files that the lines of `rows.txt` name."""

    kind = "rows"

    def __init__(self, root: Path) -> None:
        self.root = root

    def listing(self) -> Listing:
        names = sorted((self.root / "rows.txt").read_text().split())
        photos = (
            Photo(Path(name).stem, File.at(self.root / name), name, licence="CC0", split="train") for name in names
        )
        return Listing(tuple(photos), notes=("listed in rows.txt",))


def open_rows(request: SourceRequest, layout: Layout) -> Source:
    return Rows(request.root)


def is_rows(layout: Layout) -> list[Path]:
    return layout.lists_named(["rows"])


class Middle(LandmarkBackend):
    """A backend: the same face in the middle of every photo."""

    name = "middle"

    def __init__(self) -> None:
        self.weights: dict[str, str] = {"middle.bin": "0" * 64}

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        return [[Face(points(), box_of_points(points()), 1.0, "middle")] for _ in queries]


class Half:
    """A parser: the left half of every face is skin."""

    name = "half"

    def __init__(self) -> None:
        self.settings: dict[str, object] = {"side": "left"}
        self.weights: dict[str, str] = {}

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        skin = np.zeros((len(images), 128, 128), np.uint8)
        skin[:, :, :64] = 1
        return ParsedFaces(skin, None)


def middle(request: LandmarkRequest, store: WeightStore) -> LandmarkBackend:
    return Middle()


def half(request: ParserRequest, store: WeightStore) -> Half:
    return Half()


def nearest(images: np.ndarray, size: int) -> np.ndarray:
    """A resizer: the nearest pixel."""
    rows, columns = (np.arange(size) * side // size for side in images.shape[1:3])
    return images[:, rows[:, None], columns]


def open_rows_picture(data: bytes, check_size: SizeCheck) -> Opened:
    """A format: its mark, height and width in two bytes each, then pixels."""
    height, width = (int.from_bytes(data[at : at + 2], "big") for at in (4, 6))
    check_size(width, height)
    return Opened(np.frombuffer(data, np.uint8, offset=8).reshape(height, width, 3), Metadata())


def write_rows_picture(path: Path, image: np.ndarray) -> None:
    sizes = b"".join(side.to_bytes(2, "big") for side in image.shape[:2])
    path.write_bytes(MARK + sizes + image.tobytes())


@dataclass(frozen=True)
class Built:
    """A build of toys: hr, lr and skin of its one shard, and the report's HTML."""

    out: Path
    hr: np.ndarray
    lr: np.ndarray
    skin: np.ndarray
    page: str


Build = Callable[..., Built]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """Plan, build, verify and report of two photos by toys alone, but for what is said otherwise; in this process."""
    for registry, name, kind in (
        (SOURCES, "rows", SourceKind("a list of rows", open_rows, is_rows)),
        (BACKENDS, "middle", BackendKind(1, middle)),
        (PARSERS, "half", ParserKind(1, half, has_classes=False)),
        (RESIZERS, "nearest", Resizer(1, nearest)),
        (FORMATS, "ROWS", Format(lambda head: head.startswith(MARK), open_rows_picture)),
        (ENGINES, "local", Here),
    ):
        entries: dict[str, Any] = registry  # type: ignore[assignment]
        monkeypatch.setitem(entries, name, kind)

    def make() -> Built:
        root, out = tmp_path / "photos", tmp_path / "out"
        root.mkdir()
        for number in range(2):
            write_rows_picture(root / f"{number}.rows", face(shift=number))
        (root / "rows.txt").write_text("0.rows\n1.rows\n")
        toys = BuildSettings(landmarks="middle", parser="half", resizer="nearest", min_side=32, device="cpu", workers=1)
        assert fishprep.plan(root, toys).estimate.kept_per_photo == 1
        assert fishprep.build(root, out, toys).totals.samples == 2
        assert fishprep.verify(out).problems == ()
        page = fishprep.report(out).path.read_text()
        with fishprep.open_shards(out) as shards:
            arrays = (np.stack([each.image(size) for each in shards]) for size in (128, 16))
            return Built(out, *arrays, np.stack([each.skin() for each in shards]), page)

    return make


def test_a_toy_of_each_is_planned_built_verified_and_reported(built: Build) -> None:
    done = built()
    assert done.skin[:, :, :64].all() and not done.skin[:, :, 64:].any()
    np.testing.assert_array_equal(done.lr, nearest(done.hr, 16))
    assert "listed in rows.txt" in done.page and "middle.bin" in done.page
    assert "Found at a second attempt" not in done.page


def test_the_versions_of_toys_are_recorded(built: Build) -> None:
    with Shard(built().out / "train-00000.h5") as shard:
        versions = shard.attributes.versions
    assert {f"fishprep/{name}" for name in ("landmarks-middle", "parser-half", "resizer-nearest")} <= versions.keys()
