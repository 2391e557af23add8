"""The paper's counts, and splits from files."""

from pathlib import Path

import pytest

from fishprep.builds.splits import PAPER_COUNTS, PaperCounts, assign, paper_split
from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.faces.photo import Photo
from fishprep.places.file import File


def photos(train: int, val: int, test: int, faces_each: int = 4) -> list[Photo]:
    made = []
    for split, count in (("train", train), ("val", val), ("test", test)):
        for i in range(count):
            name = f"{split}/{i}"
            made.append(
                Photo(name, File.at(Path(name)), f"{name}.jpg", split=split, identity=f"{split}-{i // faces_each}")
            )
    return made


def by_split(split_photos: tuple[Photo, ...]) -> dict[str, list[Photo]]:
    return {name: [p for p in split_photos if p.split == name] for name in ("train", "val", "test")}


def test_the_papers_counts_on_a_set_of_the_whole_size() -> None:
    counts = PaperCounts(1_600, 10, 100, train_val_pool=1_800, test_pool=200)
    split = paper_split(photos(1_600, 200, 200), counts, "celeba", 0)
    parts = by_split(split.photos)
    assert {name: len(part) for name, part in parts.items()} == {"train": 1_600, "val": 10, "test": 100}
    identities = [{p.identity for p in part} for part in parts.values()]
    assert not (identities[0] & identities[1] or identities[0] & identities[2] or identities[1] & identities[2])
    assert len(split.photos) + len(split.left_out) == 2_000
    assert any("not DIC's own list" in note for note in split.notes)


def test_a_smaller_set_is_scaled_and_says_so() -> None:
    split = paper_split(photos(7_000, 500, 1_000), PAPER_COUNTS["celeba"], "celeba", 0)
    parts = by_split(split.photos)
    assert len(parts["test"]) == round(1_000 * 1_000 / 19_962) and len(parts["val"]) == 4
    assert len(parts["train"]) == round(168_854 * 7_500 / 182_637)
    assert any("scaled" in note for note in split.notes)


def test_helen_takes_everything_that_is_not_test() -> None:
    split = paper_split(photos(2_000, 0, 330), PAPER_COUNTS["helen"], "helen", 0)
    assert {name: len(part) for name, part in by_split(split.photos).items()} == {"train": 1_955, "val": 50, "test": 50}
    assert all(p.id.startswith("test/") for p in by_split(split.photos)["test"])


def test_the_seed_decides() -> None:
    def chosen(seed: int) -> list[str]:
        return [p.id for p in assign(photos(70, 20, 30), "dic", "celeba", seed).photos if p.split == "test"]

    assert chosen(0) == chosen(0) and {*chosen(0)} != {*chosen(1)}


def test_dic_of_a_plain_folder_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="kind folder"):
        assign(photos(4, 0, 0), "dic", "folder", 0)


def test_a_file_gives_the_split(tmp_path: Path) -> None:
    path = tmp_path / "split.txt"
    path.write_text("train/0 test\n1.jpg,val\n".replace("1.jpg", "train/1.jpg"))
    split = assign(photos(3, 0, 0), str(path), "folder", 0)
    assert {p.id: p.split for p in split.photos} == {"train/0": "test", "train/1": "val"}
    assert [p.id for p in split.left_out] == ["train/2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train/0 dev\n", "line 1"),
        ("train/0 val\ntrain/0 test\n", "line 2"),
        ("nobody train\n", "not in the source: 1 name, the first 'nobody'"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "split.txt").write_text(text)
    with pytest.raises(SourceError, match=message):
        assign(photos(3, 0, 0), str(tmp_path / "split.txt"), "folder", 0)
