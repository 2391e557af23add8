"""The splits of photos that come later: as the first draw would have dealt them, nobody in two splits, by halves as at once."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from annotated import build, in_process, write_photo
from hypothesis import given
from hypothesis import strategies as st
from scenes import scene
from support import rows, run

from fishprep.builds import dealt
from fishprep.builds.alike import SamePictures
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.dealt import Company, deal_by_draw
from fishprep.common.errors import ConfigurationError
from fishprep.faces.photo import Photo
from fishprep.places.file import File

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

HALVES = BuildConfiguration.parse({"split": "0.5,0.25,0.25", "seed": 3})


def made(count: int, people: Sequence[int] = ()) -> list[Photo]:
    named = [f"who{n}" if n else None for n in [*people, *[0] * count][:count]]
    path = Path("x.jpg")
    return [Photo(f"{n:04d}", File.at(path), f"{n:04d}.jpg", split="train", identity=named[n]) for n in range(count)]


def deal(new: Sequence[Photo], old: Sequence[Photo], alike: set[tuple[str, str]]) -> dict[str, str]:
    """Splits by id, '' of those that are in none; alike: pairs of ids."""
    everybody = [*old, *new]
    numbers = {photo.id: number for number, photo in enumerate(everybody)}
    pairs = tuple((numbers[a], numbers[b]) for a, b in sorted(alike) if a in numbers and b in numbers)
    people: dict[str, set[str]] = {}
    for photo in old:
        if photo.identity:
            people.setdefault(photo.identity, set()).add(photo.split)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dealt, "same_pictures", lambda *_: SamePictures(pairs, True, (None,) * len(everybody)))
        done = deal_by_draw(new, Company(old, people, {}, 0), HALVES, lambda done, total: None, 1)
    assert sum(each.count for each in done.left_out) == len(new) - len(done.photos)
    return dict.fromkeys([photo.id for photo in new], "") | {photo.id: photo.split for photo in done.photos}


@given(
    people=st.lists(st.integers(0, 5), min_size=12, max_size=12),
    pairs=st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=8),
    cuts=st.sets(st.integers(1, 11), max_size=4),
)
def test_by_halves_as_at_once_and_nobody_in_two_splits(
    people: list[int], pairs: set[tuple[int, int]], cuts: set[int]
) -> None:
    photos = made(12, people)
    alike = {(f"{a:04d}", f"{b:04d}") for a, b in pairs if a != b}
    at_once = deal(photos, [], alike)
    old: list[Photo] = []
    left: list[Photo] = []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), 12], strict=True):
        some = [*left, *photos[start:stop]]
        splits = deal(some, old, alike)
        old += [replace(photo, split=splits[photo.id]) for photo in some if splits[photo.id]]
        left = [photo for photo in some if not splits[photo.id]]
    assert {photo.id: photo.split for photo in old} == {name: split for name, split in at_once.items() if split}
    together = [(one.id, two.id) for one in photos for two in photos if one.identity and one.identity == two.identity]
    for one, two in (*together, *alike):
        assert len({at_once[one], at_once[two]} - {""}) < 2


def test_the_shares_are_those_of_the_build_and_the_number_is_the_first_draws() -> None:
    splits = deal(made(4000), [], set())
    counts = Counter(splits.values())
    assert abs(counts["test"] - 1000) < 100 and abs(counts["val"] - 1000) < 100
    numbers = {name: hashlib.sha256(f"3:{name}".encode()).digest() for name in splits}
    ends = {split: [numbers[name] for name in splits if splits[name] == split] for split in counts}
    assert max(ends["test"]) < min(ends["val"]) < max(ends["val"]) < min(ends["train"])


def test_who_belongs_with_two_splits_is_in_none() -> None:
    old = [
        replace(photo, id=f"old{photo.split}") for photo in (replace(made(1)[0], split=s) for s in ("train", "test"))
    ]
    both = {("oldtrain", "0000"), ("oldtest", "0000"), ("0000", "0001"), ("oldtest", "0002")}
    assert deal(made(3), old, both) == {"0000": "", "0001": "", "0002": "test"}


def test_photos_with_a_split_of_their_own_are_not_dealt() -> None:
    with pytest.raises(ConfigurationError, match=r"have one of their own \(test\)"):
        deal([replace(made(1)[0], split="test")], [], set())


def extend(out: Path, *more: object, code: int | None = 0) -> str:
    done = run(
        "fishprep", "extend", out, *more, "--workers", 1, code=None
    )  # 3: of photos without a face nothing is kept
    assert done.code == code or (not code and done.code == 3), done.out + done.err
    return done.out + done.err


def test_a_drawn_build_is_extended(tmp_path: Path) -> None:
    """Copies of photos follow these, from a second source too, and where the photo itself is gone by their bytes."""
    photos, out, second = tmp_path / "photos", tmp_path / "out", tmp_path / "second"
    photos.mkdir()
    for number in range(8):
        scene(number).save(photos / f"{number}.jpg", quality=90)
    build(photos, out, "--split", "0.5,0.25,0.25", "--min-side", 64)
    before = {name: row["split"] for name, row in rows(out).items()}
    assert set(before.values()) == {"train", "val", "test"}
    for number in range(8):
        scene(number).resize((120, 150)).save(photos / f"{number}-small.jpg", quality=70)
    said = extend(out)
    assert "8 photos went where one is that is alike" in said and "plain folder" not in said
    after = {name: row["split"] for name, row in rows(out).items()}
    assert after == before | {f"{name}-small": split for name, split in before.items()}
    second.mkdir()
    for number in range(8):
        scene(number).convert("L").save(second / f"{number}.jpg", quality=90)
    extend(out, second, "--prefix", "grey")
    after = {name: row["split"] for name, row in rows(out).items()}
    assert {name: after[f"grey/{name}"] for name in before} == before
    third = tmp_path / "third"
    photos.rename(third)
    for path in third.glob("*-small.jpg"):
        path.unlink()
    said = extend(out, third, "--prefix", "third")
    assert "a source of the build is not here" in said and "16 photos of the build not to be seen any more" in said
    after = {name: row["split"] for name, row in rows(out).items()}
    assert {name: after[f"third/{name}"] for name in before} == before
    assert "sound" in run("fishprep", "verify", out).out


def test_a_build_split_by_a_file(tmp_path: Path) -> None:
    photos, out, split = tmp_path / "photos", tmp_path / "out", tmp_path / "split.txt"
    for number in range(3):
        write_photo(photos, f"{number}", number)
    split.write_text("0 train\n1 train\n2 test\n")
    build(photos, out, "--split", split)
    write_photo(photos, "3", 3)
    assert "1 photo not named in" in extend(out)
    other = tmp_path / "other.txt"
    other.write_text("0 test\n2 test\n3 val\n")
    said = extend(out, "--split", other)
    assert "puts 1 photo of the build into another split" in said
    assert [row["split"] for _, row in sorted(rows(out).items())] == ["train", "train", "test", "val"]
    other.write_text("nobody train\n")
    write_photo(photos, "4", 4)
    assert "not in the source: 1 name" in extend(out, "--split", other, code=1)
    assert "sound" in run("fishprep", "verify", out).out


@pytest.mark.parametrize("rule", ["official", "dic"])
def test_splits_that_new_photos_have_no_place_in(tmp_path: Path, rule: str) -> None:
    photos, out, split = tmp_path / "helen", tmp_path / "out", tmp_path / "split.txt"
    for number in range(4):
        write_photo(photos, f"{'testset' if number % 2 else 'trainset'}/{number}", number)
    build(photos, out, "--source", "helen", "--split", rule)
    write_photo(photos, "testset/8", 8)
    split.write_text("testset/8 train\n")
    refused = extend(out, "--split", split, code=1)
    assert f"{'paper' if rule == 'dic' else 'not split by a file, but by official'}" in refused
    if rule == "official":
        extend(out)
        assert rows(out)["testset/8"]["split"] == "test"
