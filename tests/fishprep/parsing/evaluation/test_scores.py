"""Figures of maps against direct computations and cases that can be counted by hand."""

import numpy as np
import pytest

from fishprep.parsing.evaluation.scores import Confusion, binary_iou, boundary_f


def test_confusion_agrees_with_counting_pixel_by_pixel() -> None:
    rng = np.random.default_rng(0)
    confusion, pairs = Confusion(), []
    for _ in range(3):
        found, labels = rng.integers(0, 6, (2, 20, 20)).astype(np.uint8)
        labels[:2] = 255
        confusion.add(found, labels)
        pairs += [(int(a), int(b)) for a, b in zip(found.ravel(), labels.ravel(), strict=True) if b != 255]
    for value in range(6):
        both = sum(a == b == value for a, b in pairs)
        either = sum(value in pair for pair in pairs)
        assert confusion.iou()[value] == pytest.approx(both / either)
        labelled, found_there = sum(b == value for _, b in pairs), sum(a == value for a, _ in pairs)
        assert confusion.f1()[value] == pytest.approx(2 * both / (labelled + found_there))
    assert np.isnan(confusion.iou()[6:]).all()
    assert confusion.mean_iou() == pytest.approx(confusion.iou()[:6].mean())
    assert confusion.skin_accuracy() == pytest.approx(np.mean([(a == 1) == (b == 1) for a, b in pairs]))


def test_overlap_of_squares() -> None:
    one, other = np.zeros((2, 10, 10), dtype=bool)
    assert binary_iou(one, other) == 1.0
    one[2:6, 2:6] = other[4:8, 2:6] = True
    assert binary_iou(one, other) == pytest.approx(8 / 24)


def test_boundary_f_forgives_a_small_shift_only() -> None:
    mask = np.zeros((128, 128), dtype=bool)
    mask[40:90, 30:80] = True
    assert boundary_f(mask, mask) == 1.0
    assert boundary_f(np.roll(mask, 1, axis=1), mask) == 1.0  # 0.8 % of the diagonal is 1.4 pixels
    assert boundary_f(np.roll(mask, 10, axis=1), mask) < 0.6
    assert boundary_f(np.zeros_like(mask), np.zeros_like(mask)) == 1.0
    assert boundary_f(np.zeros_like(mask), mask) == 0.0


def test_the_edge_of_the_map_is_no_boundary() -> None:
    whole, half = np.ones((2, 64, 64), dtype=bool)
    half[:, 32:] = False
    assert boundary_f(whole, whole) == 1.0
    assert boundary_f(whole, half) == 0.0
