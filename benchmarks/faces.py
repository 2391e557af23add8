"""What detectors find, and what they see where nothing is: turned, small, many and half-hidden faces.

    python benchmarks/faces.py ../shared/faces [--detector hog] [--detector blazeface] ... [--table turned] ... [--photos 12]

FACES is as in `face_pictures.py`. Each table is one of `TABLES`. A face counts as found where its points lie, in the mean, within a
quarter of the distance of the outer eye corners of the annotated ones; a find at the place of an annotated face whose points lie
further is astray, one at another place is counted as other: a bystander whom nobody annotated, or no face. `--others FOLDER` writes
the pictures of all that are no annotated face, to be looked at. Milliseconds are of CPU, on one thread. `--photos` is how many of each
kind of photo are taken.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from face_pictures import (
    Shown,
    covered,
    in_view,
    read_empty,
    read_groups,
    read_portraits,
    shrunk_to,
    turned,
    yaw_of,
)

from fishfsr.upscaling.faces import Search, create_finder
from fishprep.common.weights import WeightStore
from fishprep.landmarks import SEARCHES, LandmarkRequest, create_backend
from fishprep.landmarks.base import Face, Query
from fishprep.landmarks.chip import cut_chip
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.landmarks.geometry import box_of_points, overlap
from fishprep.landmarks.search import AT_PLACE

FOUND = 0.25
SIZES = (20, 28, 40)
PROFILE = 0.5
"""Of `yaw_of`, from which a face counts as a profile: a turn of about 35 degrees."""

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Find = Callable[[np.ndarray], Sequence[Face]]


@dataclass(frozen=True, eq=False)
class Photos:
    """What is shown. portraits: of helen and afw, at 800 px. groups, afw: as they are. empty: without a face, by kind."""

    portraits: list[Shown]
    groups: list[Shown]
    afw: list[Shown]
    empty: dict[str, list[Shown]]


@dataclass
class Tally:
    """What a detector found in some pictures. others: finds at no annotated face, and what of the picture is there."""

    errors: list[float] = field(default_factory=list)
    others: list[np.ndarray] = field(default_factory=list)
    wanted: int = 0
    astray: int = 0
    pictures: int = 0
    seconds: float = 0.0

    def add(self, find: Find, shown: Shown) -> None:
        """Search a picture."""
        start = time.process_time()
        faces = [face for face in find(shown.image) if not face.doubt]
        self.seconds += time.process_time() - start
        table = np.array([[error(face.points, truth) for face in faces] for truth in shown.truths])
        table = table.reshape(len(shown.truths), len(faces))
        self.errors += [float(row.min()) for row in table if row.size and row.min() < FOUND]
        places = [box_of_points(truth) for truth in shown.truths]
        for face, best in zip(faces, table.min(0, initial=np.inf), strict=True):
            if best < FOUND:
                continue
            if any(overlap(box_of_points(face.points), place) >= AT_PLACE for place in places):
                self.astray += 1
            else:
                self.others.append(cut_chip(shown.image, face.box, 96, 24).image)
        self.wanted += len(shown.truths)
        self.pictures += 1

    def row(self) -> str:
        errors = 100 * np.array(self.errors or [np.nan])
        middle, high = np.median(errors), np.percentile(errors, 90)
        found = f"{len(self.errors):4} of {self.wanted:<4}" if self.wanted else " " * 12
        nme = f"{middle:5.1f} {high:5.1f}" if self.errors else " " * 11
        milliseconds = 1000 * self.seconds / max(1, self.pictures)
        return f"{found} {nme} {self.astray:6} {len(self.others):6} {milliseconds:7.0f}"


HEAD = f"{'found':12} {'NME %':>5} {'p90':>5} {'astray':>6} {'others':>6} {'ms':>7}"


def error(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance over the distance of the outer eye corners."""
    return float(np.linalg.norm(points - truth, axis=1).mean() / np.linalg.norm(truth[45] - truth[36]))


def backend(detector: str, store: WeightStore, thorough: bool = False) -> Find:
    """What `build` finds."""
    made = create_backend(LandmarkRequest(detector=detector, thorough=thorough), store)
    return lambda image: made.detect([Query(image)])[0]


def finder(detector: str, store: WeightStore) -> Find:
    """What `upscale` finds."""
    made = create_finder(LandmarkRequest(detector=detector), store, Search())
    return lambda image: getattr(made.find(image), "faces", ())


@dataclass(frozen=True)
class Printer:
    """Prints tables: a row for each detector and kind of pictures. others: folder for pictures of what is no annotated face."""

    others: Path | None = None

    def rows(self, title: str, makers: dict[str, Find], kinds: dict[str, list[Shown]]) -> None:
        print(f"\n{title}\n{'':24} {'':26} {HEAD}")
        for name, find in makers.items():
            for kind, pictures in kinds.items():
                tally = Tally()
                for shown in pictures:
                    tally.add(find, shown)
                print(f"{name:24} {kind:26} {tally.row()}", flush=True)
                if self.others and tally.others:
                    self._write(f"{title}, {name}, {kind}", tally.others)

    def _write(self, name: str, chips: list[np.ndarray]) -> None:
        assert self.others is not None
        self.others.mkdir(parents=True, exist_ok=True)
        rows = [chips[start : start + 12] for start in range(0, len(chips), 12)]
        blank = np.zeros_like(chips[0])
        sheet = np.vstack([np.hstack(row + [blank] * (min(12, len(chips)) - len(row))) for row in rows])
        cv2.imwrite(str(self.others / f"{name}.png"), sheet[..., ::-1])


def print_missed(store: WeightStore, kinds: dict[str, list[Shown]]) -> None:
    """Error of BlazeFace's points on the annotated faces that HOG misses, all together and by kind."""
    hog, other = backend("hog", store), backend("blazeface", store)
    print(f"\nWhat HOG misses, by BlazeFace (build)\n{'':26} {'missed':>6} {'found':>6} {'NME %':>6} {'p90':>6}")
    every: list[float] = []
    for kind, pictures in kinds.items():
        missed: list[float] = []
        for shown in pictures:
            mine, its = ([f.points for f in find(shown.image) if not f.doubt] for find in (hog, other))
            for truth in shown.truths:
                if min((error(points, truth) for points in mine), default=np.inf) >= FOUND:
                    missed.append(min((error(points, truth) for points in its), default=np.inf))
        print_errors(kind, missed)
        every += missed
    print_errors("together", every)


def print_errors(kind: str, errors: list[float]) -> None:
    found = 100 * np.array([one for one in errors if one < FOUND] or [np.nan])
    count = int(np.isfinite(found).sum())
    print(f"{kind:26} {len(errors):6} {count:6} {np.median(found):6.1f} {np.percentile(found, 90):6.1f}", flush=True)


def print_curve(photos: Photos, store: WeightStore) -> None:
    """BlazeFace's own threshold: share of faces found by their size in what it looks at, and finds where there is none."""
    made = DlibBackend(DlibSettings(detector="blazeface"), store)
    search = made._blazeface
    assert search is not None
    search.detectors = tuple(each.lowered(THRESHOLDS[0]) for each in search.detectors)
    kinds: dict[str, Callable[[Shown], Shown]] = {
        f"{side} px": lambda shown, side=side: in_view(shown, side)
        for side in (14, *SIZES, 80)  # type: ignore[misc]
    }
    kinds |= {f"{angle} deg": lambda shown, angle=angle: turned(shown, angle) for angle in (45, 90)}  # type: ignore[misc]
    kinds |= {"masked": lambda shown: covered(shown, "lower half")}
    best = {
        kind: [best_score(lambda image: search.faces([image])[0], change(shown)) for shown in photos.portraits]
        for kind, change in kinds.items()
    }
    print(
        "\nBlazeFace's threshold: % of faces found, by pixels of the face in 192 and others, and finds where there is none"
    )
    print(" " * 6, *(f"{kind:>7}" for kind in kinds), *(f"{kind:>21}" for kind in photos.empty))
    false = {
        kind: [face.score for shown in pictures for face in search.faces([shown.image])[0] if not face.doubt]
        for kind, pictures in photos.empty.items()
    }
    for limit in THRESHOLDS:
        shares = [f"{100 * np.mean(np.array(scores) >= limit):7.0f}" for scores in best.values()]
        wrong = [
            f"{sum(score >= limit for score in false[kind])} in {len(photos.empty[kind])}" for kind in photos.empty
        ]
        print(f"{limit:<6}", *shares, *(f"{each:>21}" for each in wrong))


def best_score(find: Find, shown: Shown) -> float:
    """Score of the surest find that is the (one) annotated face; 0 where there is none."""
    scores = [f.score for f in find(shown.image) if not f.doubt and error(f.points, shown.truths[0]) < FOUND]
    return max(scores, default=0.0)


TABLES = ("turned", "small", "empty", "groups", "profiles", "curve", "covered", "missed")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, metavar="FACES")
    parser.add_argument("--detector", action="append", choices=SEARCHES, dest="detectors")
    parser.add_argument("--table", action="append", choices=TABLES, dest="tables")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--others", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    store = WeightStore.from_environment(given.weights_dir)
    print_tables(given, store, read_photos(given.faces, given.photos))


def read_photos(faces: Path, count: int) -> Photos:
    return Photos(
        portraits=read_portraits([faces / "helen", faces / "afw"], count),
        groups=read_groups(faces / "groups"),
        afw=read_portraits([faces / "afw"], count, longer=None),
        empty=read_empty(faces, min(300, 5 * count)),
    )


def all_turned(portraits: list[Shown]) -> dict[str, list[Shown]]:
    return {f"turned by {angle}": [turned(each, angle) for each in portraits] for angle in (0, 30, 60, 90)}


def all_covered(portraits: list[Shown]) -> dict[str, list[Shown]]:
    return {part: [covered(each, part) for each in portraits] for part in ("lower half", "upper half", "one eye")}


def print_tables(given: argparse.Namespace, store: WeightStore, photos: Photos) -> None:
    names = given.detectors or ["hog", "blazeface", "hog+blazeface"]
    tables = given.tables or TABLES
    portraits, printer = photos.portraits, Printer(given.others)
    builds = {name: backend(name, store) for name in names}
    finders = {name: finder(name, store) for name in names}
    thorough = {f"{name} --thorough": backend(name, store, True) for name in names if "blazeface" in name}
    if "turned" in tables:
        printer.rows("Portraits at 800 px (build)", builds, all_turned(portraits))
    if "small" in tables:
        sizes = {f"face of {side} px": [shrunk_to(each, side) for each in portraits] for side in SIZES}
        printer.rows("Small portraits (upscale)", finders, sizes)
        many = {f"median face of {side} px": [shrunk_to(each, side) for each in photos.groups] for side in SIZES}
        printer.rows("Small groups (upscale)", finders, many)
    if "empty" in tables:
        printer.rows("Without a face (build)", builds, photos.empty)
    if "groups" in tables:
        both = {f"{len(photos.groups)} groups": photos.groups, f"{len(photos.afw)} of AFW": photos.afw}
        printer.rows("Annotated faces of photos as they are (build)", builds | thorough, both)
    if "profiles" in tables:
        seen = [*portraits, *photos.groups]
        aside = [Shown(each.image, [truth]) for each in seen for truth in each.truths if yaw_of(truth) >= PROFILE]
        printer.rows("Profiles of Helen, AFW and the groups (build)", builds, {f"{len(aside)} profiles": aside})
    if "curve" in tables:
        print_curve(photos, store)
    if "covered" in tables:
        printer.rows("Half hidden, at 800 px (build)", builds, all_covered(portraits))
    if "missed" in tables:
        print_missed(store, all_turned(portraits) | {"groups": photos.groups} | all_covered(portraits))


if __name__ == "__main__":
    main()
