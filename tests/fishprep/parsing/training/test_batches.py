"""Batches: a function of seed and step, whatever the threads; rare classes more often."""

from dataclasses import replace

import numpy as np
import pytest
from labelled import write_labelled

from fishprep.parsing.labelled import NUMBERINGS, LabelledFaces, open_labelled
from fishprep.parsing.training.batches import Batches, repeat_factors
from fishprep.parsing.training.config import ParserTraining

CONFIG = ParserTraining(size=64, map_size=32, steps=7, batch=3)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> LabelledFaces:
    return open_labelled(write_labelled(tmp_path_factory.mktemp("faces"), 5), "train", NUMBERINGS["celebamask"])


def test_each_step_is_the_same_for_any_number_of_threads_and_any_start(made_up: LabelledFaces) -> None:
    batches = Batches(made_up, CONFIG)
    whole = list(batches.from_step(0, 1))
    assert len(whole) == 7 and whole[0][0].shape == (3, 64, 64, 3) and whole[0][1].shape == (3, 32, 32)
    for start, threads in ((0, 4), (3, 1), (6, 2), (7, 1)):
        again = list(batches.from_step(start, threads))
        assert len(again) == 7 - start
        for (view, classes), (expected, labels) in zip(again, whole[start:], strict=True):
            assert np.array_equal(view, expected) and np.array_equal(classes, labels)


def test_another_seed_gives_other_views(made_up: LabelledFaces) -> None:
    first, _ = next(Batches(made_up, CONFIG).from_step(0, 1))
    other, _ = next(Batches(made_up, replace(CONFIG, seed=1)).from_step(0, 1))
    assert not np.array_equal(first, other)


def test_rare_classes_come_up_by_the_root_of_their_rarity(made_up: LabelledFaces) -> None:
    faces = [
        replace(made_up.faces[0], present=tuple(index in ((0, 14) if face == 0 else (0,)) for index in range(19)))
        for face in range(20)
    ]
    factors = repeat_factors(LabelledFaces(tuple(faces), made_up.numbering), 0.2)
    assert factors[0] == pytest.approx((0.2 / 0.05) ** 0.5)
    assert np.array_equal(factors[1:], np.ones(19))


def test_every_face_comes_up_in_every_round(made_up: LabelledFaces) -> None:
    class Counting(LabelledFaces):
        def read(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            seen.append(index)
            return super().read(index)

    seen: list[int] = []
    config = replace(CONFIG, steps=5, rare=0.0)
    list(Batches(Counting(made_up.faces, made_up.numbering), config).from_step(0, 1))
    assert [sorted(seen[start : start + 5]) for start in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert seen[:5] != seen[5:10]
