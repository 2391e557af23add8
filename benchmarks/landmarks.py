"""Error, share found and time of a landmark backend on photos with `.pts` files.

    python benchmarks/landmarks.py ../shared/faces/helen ../shared/faces/afw [--backend dlib] [--thorough] [--device cpu]

The error of a face is the mean distance of its 68 points over the distance of the outer eye corners (36, 45) of the annotated
face. A photo counts as found when the face nearest to the annotated one is within half that distance. The annotation is not
shown to the backend.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode, read_file
from fishprep.landmarks import BACKENDS, LandmarkRequest, create_backend
from fishprep.landmarks.annotation import read_pts
from fishprep.landmarks.base import LandmarkBackend, Query

FOUND = 0.5


def error(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance over the distance of the outer eye corners."""
    return float(np.linalg.norm(points - truth, axis=1).mean() / np.linalg.norm(truth[45] - truth[36]))


def measure(backend: LandmarkBackend, folder: Path) -> tuple[list[float], list[float], list[str], int]:
    """Errors of the faces found, milliseconds of every photo, photos without the face, number of other faces found."""
    errors, times, missed, others = [], [], [], 0
    for pts in sorted(folder.glob("*.pts")):
        photo = next(path for path in sorted(folder.glob(f"{pts.stem}.*")) if path.suffix != ".pts")
        image = decode(read_file(photo, Limits()), Limits())
        start = time.perf_counter()
        [faces] = backend.detect([Query(image)])
        times.append(1000 * (time.perf_counter() - start))
        best = min((error(face.points, read_pts(pts)) for face in faces), default=np.inf)
        others += len(faces) - (best < FOUND)
        (errors if best < FOUND else missed).append(best if best < FOUND else photo.name)
    return errors, times, missed, others


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--backend", choices=BACKENDS, default="dlib")
    parser.add_argument("--thorough", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights-dir", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    request = LandmarkRequest(given.backend, given.thorough, given.device)
    backend = create_backend(request, WeightStore.from_environment(given.weights_dir))
    print(
        f"{'folder':12} {'photos':>6} {'found':>6} {'others':>6} {'mean %':>7} {'median %':>8} {'p90 %':>6} {'ms':>7}  missed"
    )
    for folder in given.folders:
        errors, times, missed, others = measure(backend, folder)
        shares = [100 * value for value in (np.mean(errors), np.median(errors), np.percentile(errors, 90))]
        print(
            f"{folder.name:12} {len(times):6} {len(errors):6} {others:6} {shares[0]:7.2f} {shares[1]:8.2f} {shares[2]:6.2f}"
            f" {np.median(times):7.1f}  {' '.join(missed)}"
        )


if __name__ == "__main__":
    main()
