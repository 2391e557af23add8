"""Many detections of one face become one; those of two faces stay two."""

import numpy as np

from fishprep.detectors.suppression import overlaps, suppressed, surest


def test_overlap_is_intersection_over_union() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 4, 4], [0.5, 0.5, 1.5, 1.5]], float)
    np.testing.assert_allclose(overlaps(np.array([0.0, 0, 2, 2]), boxes), [1, 1 / 7, 0, 1 / 4])


def test_what_overlaps_is_weighted_by_its_score() -> None:
    values = np.array([[0, 0, 10, 10, 4], [2, 0, 12, 10, 8], [50, 50, 60, 60, 1]], float)
    faces, scores = suppressed(values, np.array([0.6, 0.9, 0.7]))
    np.testing.assert_allclose(faces, [[1.2, 0, 11.2, 10, 6.4], [50, 50, 60, 60, 1]])
    np.testing.assert_allclose(scores, [0.9, 0.7])


def test_a_chain_is_not_one_face() -> None:
    """Only what overlaps the surest joins it: the far end of a chain stays a face of its own."""
    values = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], float)
    faces, scores = suppressed(values, np.array([0.9, 0.8, 0.7]))
    np.testing.assert_allclose(scores, [0.9, 0.7])
    np.testing.assert_allclose(faces[1], [8, 0, 18, 10])


def test_of_nothing_comes_nothing() -> None:
    faces, scores = suppressed(np.zeros((0, 16)), np.zeros(0))
    assert faces.shape == (0, 16) and scores.shape == (0,)
    assert surest(faces[:, :4], scores) == []


def test_the_surest_look_counts_alone() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 0, 40, 10]], float)
    assert surest(boxes, np.array([0.5, 0.8, 0.6])) == [1, 2]
