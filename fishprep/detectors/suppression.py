"""Many anchors see one face: which detections are the same, and what they say together."""

import numpy as np

SAME_FACE = 0.3
"""Overlap (intersection over union) from which two detections are one face: MediaPipe's."""


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with each of `boxes` (N, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    common = (high - low).clip(0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return common / ((box[2:] - box[:2]).prod() + areas - common)


def suppressed(values: np.ndarray, scores: np.ndarray, same: float = SAME_FACE) -> tuple[np.ndarray, np.ndarray]:
    """Weighted non-maximum suppression (Bazarevsky et al., 2019, section 5).

    values (N, 4 + M): boxes x0, y0, x1, y1 and M further coordinates; scores (N,). The surest detection and all that overlap it
    become one, the mean of their values weighted by their scores, with the best score; then the surest of the rest, and so on.
    Returns values (K, 4 + M) and scores (K,), surest first; equal scores keep their order.
    """
    order = np.argsort(-scores, kind="stable")
    values, scores = values[order].astype(np.float64), scores[order].astype(np.float64)
    kept, best = [], []
    while len(scores):
        mine = overlaps(values[0, :4], values[:, :4]) > same
        mine[0] = True
        weights = scores[mine]
        kept.append((values[mine] * weights[:, None]).sum(0) / weights.sum())
        best.append(weights[0])
        values, scores = values[~mine], scores[~mine]
    return np.array(kept).reshape(len(kept), values.shape[1]), np.array(best)


def surest(boxes: np.ndarray, scores: np.ndarray, same: float = SAME_FACE) -> list[int]:
    """Indices of the boxes (N, 4) that overlap no surer one, surest first."""
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not (overlaps(boxes[index], boxes[kept]) > same).any():
            kept.append(int(index))
    return kept
