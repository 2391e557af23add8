"""Photos that crash, hang, exhaust or confuse whatever works on them: each costs itself, and no byte of any other."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from here import Here
from PIL import Image

from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import BuilderFactory, ShardBuilder
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import LoadedNetworks, WeightsFrom
from fishprep.builds.plan import ShardSpec
from fishprep.builds.run import Crew, run_specs
from fishprep.decoding.decode import Limits, decode_picture
from fishprep.engines.base import nobody
from fishprep.engines.local import LocalEngine
from fishprep.faces import pipeline as pipeline_module
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline
from fishprep.landmarks.base import Face, Query
from fishprep.parsing.base import ParsedFaces
from fishprep.parsing.landmark_skin import LandmarkSkinParser
from fishprep.places.file import File
from fishprep.shards.schema import ShardName

pytestmark = pytest.mark.ends(240)

WORKER = Crew(LocalEngine(), 1, nobody)
HERE = Crew(Here(), 1, nobody)
"""For photos that do no harm to a process."""

SHAPE = np.random.default_rng(0).uniform(-1, 1, (68, 2)).astype(np.float32)
SHAPE[:4] = [(-1, -1), (1, 1), (-1, 1), (1, -1)]


def exhaust() -> None:
    raise MemoryError


def stumble() -> None:
    raise ZeroDivisionError("division\nby zero")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    while True:
        pass


DEEDS: dict[int, Callable[[], None]] = {1: exhaust, 2: stumble, 3: die, 4: crash, 5: hang}
IN_PARSER = 6
"""What a photo with this value in its first pixel does."""

SAID = {
    1: "not enough memory",
    2: "ZeroDivisionError: division by zero",
    3: "SIGKILL",
    4: "SIGSEGV",
    5: "no end after 1 s",
    6: "SIGKILL",
}


def act(pixels: np.ndarray) -> None:
    DEEDS.get(int(pixels[0, 0, 0]), lambda: None)()


@dataclass
class Backend:
    """Finds as many faces as the red of the last pixel says; a photo does its deed here where `evil` is set."""

    evil: bool
    name = "stub"
    asks_known_place = False
    batches = True

    def __post_init__(self) -> None:
        self.weights: dict[str, str] = {}

    def detect(self, queries: Sequence[Query]) -> list[list[Face]]:
        faces = []
        for query in queries:
            if self.evil:
                act(query.image)
            places = [(80 + 70 * k, 100) for k in range(query.image[-1, -1, 0])]
            faces.append([Face((SHAPE * 45 + place).astype(np.float32), (0, 0, 1, 1), 1.0, "stub") for place in places])
        return faces


class Parser(LandmarkSkinParser):
    """Dies of a face of one colour, which is that of its photo."""

    def parse(self, images: np.ndarray, landmarks: np.ndarray) -> ParsedFaces:
        if (images[:, 64, 64, 0] == IN_PARSER).any():
            die()
        return super().parse(images, landmarks)


@dataclass(frozen=True)
class Factory(BuilderFactory):
    """Stubs in a worker process; photos do their deeds at one stage."""

    stage: str = "decode"

    def __call__(self) -> ShardBuilder:
        if self.stage == "decode":

            def decode(data: bytes, limits: Limits):  # type: ignore[no-untyped-def]
                picture = decode_picture(data, limits)
                act(picture.pixels)
                return picture

            pipeline_module.decode_picture = decode
        parser = Parser() if self.stage == "networks" else LandmarkSkinParser()
        backend = Backend(self.stage == "networks")
        pipeline = FacePipeline(self.attributes.configuration.face_settings, backend)
        return ShardBuilder(self.folder, self.attributes, LoadedNetworks(pipeline, parser))


def spec_of(folder: Path, values: dict[str, int], number: int = 0, faces: int = 1) -> ShardSpec:
    """A shard of photos of one grey value each: its name → the value."""
    photos = []
    for name, value in values.items():
        picture = np.full((200, 240, 3), value, np.uint8)
        picture[-1, -1] = faces
        Image.fromarray(picture).save(folder / f"{name}.png")
        photos.append(Photo(name, File.at(folder / f"{name}.png"), f"{name}.png", split="train"))
    return ShardSpec(ShardName("train", number), tuple(photos))


def factory(out: Path, stage: str = "decode", **settings: object) -> Factory:
    out.mkdir(exist_ok=True)
    values = {"parser": "landmark-skin", "max_seconds": 1, "max_outside": 1, **settings}
    attributes = BuildAttributes(BuildConfiguration.parse(values), "recipe", "inputs", {})
    return Factory(BuildFolder.at(out), attributes, WeightsFrom(), stage=stage)


def rows_of(out: Path, number: int = 0) -> dict[str, tuple[str, str]]:
    table = pq.read_table(out / f"train-{number:05d}.parquet").to_pylist()
    return {row["id"]: (row["status"], row["reason"]) for row in table}


GOOD = {f"good{k:02d}": 100 + k for k in range(5)}


@pytest.mark.parametrize(("stage", "deeds"), [("decode", (1, 2, 3, 5)), ("networks", (2, 4, 6))])
def test_a_photo_costs_itself_alone(tmp_path: Path, stage: str, deeds: tuple[int, ...]) -> None:
    bad = {f"bad{deed}": deed for deed in deeds}
    mixed = dict(sorted((GOOD | bad).items(), key=lambda item: item[0][-1]))
    spec = spec_of(tmp_path, mixed)
    done = run_specs(factory(tmp_path / "out", stage), [spec], WORKER, "")
    assert not done.failures and done.built == 1
    table = rows_of(tmp_path / "out")
    assert list(table) == list(mixed)
    for name, deed in bad.items():
        status, reason = table[name]
        assert status == "failed" and SAID[deed] in reason and "\n" not in reason, (name, reason)
    spared = replace(spec, photos=tuple(photo for photo in spec.photos if photo.id not in bad))
    run_specs(factory(tmp_path / "spared", "none"), [spared], HERE, "")
    first, second = ((tmp_path / name / "train-00000.h5").read_bytes() for name in ("out", "spared"))
    assert first == second


def test_nothing_but_photos_that_break(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {"bad0": 1, "bad1": 2})
    done = run_specs(factory(tmp_path / "out", "networks"), [spec], HERE, "")
    assert not done.failures and {status for status, _ in rows_of(tmp_path / "out").values()} == {"failed"}
    assert not list((tmp_path / "out").glob("*.h5"))


def test_faces_of_one_photo_and_another_photo_of_that_name(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {"a": 100, "a#0": 101, "a##0": 102}, faces=2)
    done = run_specs(factory(tmp_path / "out", "none", faces="all"), [spec], HERE, "")
    assert not done.failures
    with h5py.File(tmp_path / "out" / "train-00000.h5") as shard:
        ids = list(shard["id"].asstr())
    assert ids == ["a#0", "a#1", "a##0#0", "a##0#1", "a####0#0", "a####0#1"] == list(rows_of(tmp_path / "out"))


def test_alone_or_together_the_bytes_are_the_same(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, GOOD)
    for name, each in (("together", spec), ("alone", replace(spec, alone=True))):
        run_specs(factory(tmp_path / name, "none"), [each], HERE, "")
    first, second = ((tmp_path / name / "train-00000.h5").read_bytes() for name in ("together", "alone"))
    assert first == second
