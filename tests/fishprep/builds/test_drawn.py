"""A split drawn by seed: the counts that were asked for, and nothing that belongs together in two splits."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import skimage.data
from annotated import in_process
from here import Here
from PIL import Image, ImageEnhance
from scenes import scene

from fishprep.builds import alike, looks
from fishprep.builds.alike import SamePictures, same_pictures
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.drawn import drawn_split
from fishprep.builds.plan import make_plan
from fishprep.builds.shares import Shares
from fishprep.common.errors import ConfigurationError
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.decoding.decode import Limits
from fishprep.engines import ENGINES
from fishprep.engines.base import nobody
from fishprep.engines.local import LocalEngine
from fishprep.faces.photo import Photo
from fishprep.places.file import File
from fishprep.public.news import unheard
from fishprep.public.planning import prepare
from fishprep.public.settings import BuildSettings
from fishprep.sources import SourceRequest, open_source

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]


class DeadlyLooker:
    """Looks at photos; one with `dies` or `hangs` in its name does so to whoever looks."""

    def __call__(self, batch: looks._Batch, tell: Callable[[object], None]) -> dict[int, looks.Look | None]:
        whole = looks._Looker(Limits())
        for _, photo in batch.photos:
            with Steps(tell).at("compare", photo.id):
                if "dies" in photo.id:
                    os.kill(os.getpid(), signal.SIGSEGV)
                while "hangs" in photo.id:
                    pass
        return whole(batch, tell)


@dataclass(frozen=True)
class DeadlyFactory:
    limits: Limits

    def __call__(self) -> DeadlyLooker:
        return DeadlyLooker()


def test_photos_that_kill_or_hang_whoever_looks_are_alike_to_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "_LookerFactory", DeadlyFactory)
    monkeypatch.setitem(ENGINES, "local", LocalEngine)
    for name in ("a", "b dies", "c hangs", "d"):
        scene(1).save(tmp_path / f"{name}.jpg")
    photos = [Photo(path.stem, File.at(path), path.name) for path in sorted(tmp_path.iterdir())]
    told: list[int] = []
    found = same_pictures(photos, Limits(), lambda done, total: told.append(done), seconds=1)
    assert found.pairs == ((0, 3),) and told == [4]


def test_a_picture_of_many_scans_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    scene(1).save(path, progressive=True)
    data = path.read_bytes()
    path.write_bytes(data[:-2] + data[data.rfind(b"\xff\xda") : -2] * 60 + b"\xff\xd9")
    (look,) = looks.look_at([Photo("scans", File.at(path), path.name)], Limits(), lambda done, total: None, 60)
    assert look is not None and look.hash is None


def made(names: int, **facts: object) -> list[Photo]:
    return [
        Photo(f"{n:04d}", File.at(Path(f"{n:04d}.jpg")), f"{n:04d}.jpg", split="train", **facts) for n in range(names)
    ]  # type: ignore[arg-type]


def draw(photos: list[Photo], rule: str = "0.9,0.05,0.05", seed: int = 0) -> dict[str, str]:
    shares = Shares.of(rule)
    assert shares is not None
    drawn = drawn_split(photos, shares, seed, Limits(), lambda done, total: None)
    assert [photo.id for photo in drawn.photos] == [photo.id for photo in photos]
    return {photo.id: photo.split for photo in drawn.photos}


@pytest.mark.parametrize(
    ("rule", "count", "expected"),
    [
        ("0.9,0.05,0.05", 400, (360, 20, 20)),
        ("0.8,0.2", 100, (80, 20, 0)),
        ("0.98,0.01,0.01", 10, (8, 1, 1)),
        ("0.9,0.05,0.05", 1, (1, 0, 0)),
        ("1,0,0", 5, (5, 0, 0)),
    ],
)
def test_counts(rule: str, count: int, expected: tuple[int, int, int]) -> None:
    found = Counter(draw(made(count), rule).values())
    assert tuple(found[split] for split in ("train", "val", "test")) == expected


def test_the_seed_draws_and_a_photo_more_moves_few() -> None:
    one, other = draw(made(1000)), draw(made(1000), seed=1)
    assert one == draw(made(1000)) and one != other
    more = draw(made(1001))
    assert sum(more[name] != split for name, split in one.items()) <= 4


def test_nobody_is_in_two_splits() -> None:
    photos = made(300)
    named = [Photo(p.id, p.place, p.relative, split="train", identity=f"who{n % 60}") for n, p in enumerate(photos)]
    split = draw(named, "0.8,0.1,0.1")
    splits = {f"who{k}": {split[p.id] for p in named if p.identity == f"who{k}"} for k in range(60)}
    assert all(len(found) == 1 for found in splits.values())
    assert Counter(split.values()) == {"train": 240, "val": 30, "test": 30}


def test_what_cannot_be_opened_is_of_no_validation() -> None:
    missing = Problem(Status.MISSING, "gone")
    assert set(draw(made(30, problem=missing), "0.5,0.25,0.25").values()) == {"train"}


def test_a_group_that_does_not_fit_stays_in_training_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = tuple((number, number + 1) for number in range(99))
    monkeypatch.setattr("fishprep.builds.drawn.same_pictures", lambda *_: SamePictures(pairs, False))
    drawn = drawn_split(made(100), Shares(0.9, 0.1, 0.0), 0, Limits(), lambda done, total: None)
    assert {photo.split for photo in drawn.photos} == {"train"}
    said = " | ".join(drawn.notes)
    assert "100 photos that are alike" in said and "val is 10 photos short" in said and "ended early" in said


@pytest.mark.parametrize("rule", ["0.9,0.2", "1.5,-0.5", "0,0.5,0.5", "nan,0.5,0.5"])
def test_shares_that_are_none(rule: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--split"):
        BuildConfiguration.parse({"split": rule})


def test_shares_have_one_spelling_and_other_rules_stay_what_they_are() -> None:
    assert BuildConfiguration.parse({"split": "0.90, .05,0.050"}).split == "0.9,0.05,0.05"
    assert Shares.of("official") is Shares.of("lists/split.txt") is Shares.of("1,2,3,4") is None


def copies(image: Image.Image) -> dict[str, Image.Image]:
    turned = image.rotate(90, expand=True)
    turned.getexif()[274] = 6
    return {
        "half": image.resize((image.width // 2, image.height // 2)),
        "bright": ImageEnhance.Brightness(image).enhance(1.2),
        "grey": image.convert("L"),
        "turned": turned,
    }


def test_copies_are_found_in_other_size_light_and_orientation_and_nothing_else_is(tmp_path: Path) -> None:
    images = {f"other{number}": scene(number) for number in range(40)}
    images["astronaut"] = Image.fromarray(skimage.data.astronaut())
    images |= {f"astronaut-{name}": copy for name, copy in copies(images["astronaut"]).items()}
    for name, image in images.items():
        image.save(tmp_path / f"{name}.jpg", quality=80, exif=image.getexif())
    (tmp_path / "equal.jpg").write_bytes((tmp_path / "other3.jpg").read_bytes())
    for name in ("flat1", "flat2"):
        Image.new("RGB", (90 + len(name), 90), name[-1] * 3 and "white").save(tmp_path / f"{name}.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xffrubbish")
    photos = [Photo(path.stem, File.at(path), path.name) for path in sorted(tmp_path.iterdir())]
    told: list[tuple[int, int]] = []
    found = same_pictures(photos, Limits(), lambda done, total: told.append((done, total)))
    joined = {name for pair in found.pairs for number in pair if (name := photos[number].id).startswith("astro")}
    assert joined == {name for name in images if name.startswith("astro")} and found.complete
    rest = {frozenset(photos[n].id for n in pair) for pair in found.pairs if not photos[pair[0]].id.startswith("astro")}
    assert rest == {frozenset({"equal", "other3"}), frozenset({"flat1", "flat2"})} and told == [(len(photos),) * 2]


def test_the_search_that_ends_early_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        scene(1).save(tmp_path / f"{number}.jpg", quality=80 + number)
    photos = [Photo(path.stem, File.at(path), path.name) for path in sorted(tmp_path.iterdir())]
    monkeypatch.setattr(alike, "MOST_CANDIDATES", 3)
    assert not same_pictures(photos, Limits(), lambda done, total: None).complete


def test_a_plan_of_a_plain_folder_draws_and_records_it(tmp_path: Path) -> None:
    for number in range(40):
        scene(number // 2).save(tmp_path / f"{number:02d}.jpg", quality=70 + number % 2 * 20)
    configuration = BuildConfiguration.parse({"split": "0.8,0.1,0.1"})
    plan = make_plan(open_source(SourceRequest(tmp_path)), configuration)
    assert plan.by_split == {"train": 32, "val": 4, "test": 4}
    split = {photo.id: photo.split for photo in plan.photos}
    assert all(split[f"{number:02d}"] == split[f"{number + 1:02d}"] for number in range(0, 40, 2))
    assert plan.notes[0].startswith("split 0.8,0.1,0.1 drawn with seed 0: 40 photos that are alike")
    assert "identities are not known" in plan.notes[1] and len(plan.notes) == 2


def test_as_many_processes_look_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        scene(number).save(tmp_path / f"{number}.jpg")
    asked = []

    class Counted(Here):
        def run(self, make_work: Any, specs: Any, workers: int, tell: Any = nobody, seconds: Any = None) -> Any:
            asked.append(workers)
            return super().run(make_work, specs, workers, tell, seconds)

    monkeypatch.setitem(ENGINES, "local", Counted)
    monkeypatch.setattr(looks, "_AT_ONCE", 1)
    prepare(tmp_path, None, BuildSettings(split="0.5,0.5", parser="landmark-skin", device="cpu", workers=3), unheard)
    assert asked == [3]


def test_a_source_with_its_own_test_set_is_not_drawn_from(tmp_path: Path) -> None:
    for folder in ("train", "test"):
        (tmp_path / folder).mkdir()
        scene(len(folder)).save(tmp_path / folder / "a.jpg")
    with pytest.raises(ConfigurationError, match="split of its own"):
        make_plan(open_source(SourceRequest(tmp_path)), BuildConfiguration.parse({"split": "0.9,0.1"}))
