"""Crops that a parser has labelled: which ones, how many of a batch, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from labelled import draw_face, write_labelled
from made_up_shards import attributes, samples
from PIL import Image

from fishprep.common.errors import ConfigurationError
from fishprep.parsing.labelled import NUMBERINGS, LabelledFaces, face_box, open_labelled
from fishprep.parsing.training.batches import Batches
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.parsed import open_parsed
from fishprep.shards.writer import write_shard

CONFIG = ParserTraining(network="compact", size=64, map_size=32, steps=4, batch=5, parsed=0.6)
CROPS = 4


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> LabelledFaces:
    return open_labelled(write_labelled(tmp_path_factory.mktemp("faces"), 5), "train", NUMBERINGS["celebamask"])


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards to train on, of four crops each, and one of the validation split."""
    folder = tmp_path_factory.mktemp("build")
    for number, split in ((0, "train"), (1, "train"), (0, "val")):
        _write(folder / f"{split}-{number:05d}.h5", split, number)
    return folder


def _write(path: Path, split: str, number: int, classes: bool = True) -> None:
    found = samples(CROPS, split, seed=number)
    pairs = [draw_face(100 + number * CROPS + index) for index in range(CROPS)]
    crops = np.stack([np.array(Image.fromarray(picture).resize((128, 128))) for picture, _ in pairs])
    maps = np.stack([np.array(Image.fromarray(m).resize((128, 128), Image.Resampling.NEAREST)) for _, m in pairs])
    images = {**found.images, 128: crops}
    write_shard(path, replace(found, images=images, classes=maps if classes else None), attributes())


def test_the_faces_of_the_training_split_and_no_others(build: Path) -> None:
    parsed = open_parsed([build])
    assert parsed is not None and len(parsed) == 2 * CROPS
    assert [name for name, *_ in parsed.record] == ["train-00000.h5", "train-00001.h5"]
    for index in range(len(parsed)):
        crop, classes, box = parsed.read(index)
        expected = np.array(Image.fromarray(draw_face(100 + index)[0]).resize((128, 128)))
        assert np.array_equal(crop, expected) and classes.shape == (128, 128) and box == face_box(classes)
    assert open_parsed([]) is None


def test_a_batch_has_its_share_of_them_and_goes_on_to_the_bit(made_up: LabelledFaces, build: Path) -> None:
    parsed = open_parsed([build])
    whole = list(Batches(made_up, CONFIG, parsed).from_step(0, 1))
    assert len(whole) == 4
    for start, threads in ((0, 3), (2, 1)):
        again = list(Batches(made_up, CONFIG, open_parsed([build])).from_step(start, threads))
        for (view, classes), (expected, labels) in zip(again, whole[start:], strict=True):
            assert np.array_equal(view, expected) and np.array_equal(classes, labels)


def test_labelled_faces_come_up_in_rounds_beside_them(made_up: LabelledFaces, build: Path) -> None:
    class Counting(LabelledFaces):
        def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            seen.append(index)
            return super().read(index)

    seen: list[int] = []
    config = replace(CONFIG, rare=0.0, steps=5)
    list(Batches(Counting(made_up.faces, made_up.numbering), config, open_parsed([build])).from_step(0, 1))
    assert len(seen) == 10 and [sorted(seen[:5]), sorted(seen[5:])] == [[0, 1, 2, 3, 4]] * 2


def test_labels_lie_on_what_they_name(made_up: LabelledFaces, build: Path) -> None:
    """The eyes of made-up faces are dark on bright skin, and the subject's left one lies right of the other, in a mirror too."""
    config = replace(CONFIG, map_size=64, steps=6, parsed=0.8)
    plain = replace(config.views, grey=0, jpeg=0, blur=0, noise=0, crops=1)
    views = list(Batches(made_up, replace(config, views=plain), open_parsed([build])).from_step(0, 1))
    picture, classes = (np.concatenate(parts) for parts in zip(*views, strict=True))
    red = picture[..., 0].astype(int)
    assert np.median(red[classes == 1]) - np.median(red[(classes == 4) | (classes == 5)]) > 80
    columns = np.broadcast_to(np.arange(64), classes.shape)
    for labels, at in zip(classes, columns, strict=True):
        assert at[labels == 4].mean() > at[labels == 5].mean() + 5


def test_a_build_without_classes_or_training_faces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no shards of the split train"):
        open_parsed([tmp_path])
    _write(tmp_path / "train-00000.h5", "train", 0, classes=False)
    with pytest.raises(ConfigurationError, match=r"train-00000\.h5: holds no classes.*--keep-classes"):
        open_parsed([tmp_path])
