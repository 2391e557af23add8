"""What detectors find, and what they see where nothing is: turned, small, many and half-hidden faces.

    python benchmarks/faces.py ../shared/faces [--detector hog] [--detector blazeface] ... [--table turned] ... [--photos 12]

FACES holds `helen` and `afw` (photos with `.pts`), `groups` (photos with dlib's XML, `dogs.jpg`) and `celeba`. Each table is one of
`TABLES`. A face counts as found where its points lie, in the mean, within a quarter of the distance of the outer eye corners of the
annotated ones; milliseconds are of CPU, on one thread. `--photos` is how many of each kind of photo are taken.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import torch

from fishfsr.upscaling.faces import Search, create_finder
from fishprep.common.weights import WeightStore
from fishprep.decoding.decode import Limits, decode_file
from fishprep.detectors.blazeface import BlazeFace, BlazeFaceSettings
from fishprep.landmarks import SEARCHES, LandmarkRequest, create_backend
from fishprep.landmarks.annotation import read_pts
from fishprep.landmarks.base import Face, Query
from fishprep.landmarks.dlib import DlibBackend, DlibSettings
from fishprep.landmarks.geometry import eye_centres

FOUND = 0.25
LONGER_SIDE = 800
VIEW = 192
"""Pixels a side of what the curve's faces are shown in: what BlazeFace looks at."""

SIZES = (20, 28, 40)
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

Find = Callable[[np.ndarray], Sequence[Face]]


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture (H, W, 3) uint8 and the points (68, 2) of each annotated face."""

    image: np.ndarray
    truths: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Photos:
    """What is shown. portraits: of helen and afw, at 800 px. groups: as they are. empty: without a face, by kind."""

    portraits: list[Shown]
    groups: list[Shown]
    empty: dict[str, list[Shown]]


@dataclass
class Tally:
    """What a detector found in some pictures."""

    errors: list[float] = field(default_factory=list)
    wanted: int = 0
    others: int = 0
    pictures: int = 0
    seconds: float = 0.0

    def add(self, find: Find, shown: Shown) -> None:
        """Search a picture. A find that is at no annotated face is another."""
        start = time.process_time()
        faces = [face for face in find(shown.image) if not face.doubt]
        self.seconds += time.process_time() - start
        table = np.array([[error(face.points, truth) for face in faces] for truth in shown.truths])
        table = table.reshape(len(shown.truths), len(faces))
        self.errors += [float(row.min()) for row in table if row.size and row.min() < FOUND]
        self.others += int((table.min(0, initial=np.inf) >= FOUND).sum())
        self.wanted += len(shown.truths)
        self.pictures += 1

    def row(self) -> str:
        errors = 100 * np.array(self.errors or [np.nan])
        middle, high = np.median(errors), np.percentile(errors, 90)
        found = f"{len(self.errors):4} of {self.wanted:<4}" if self.wanted else " " * 12
        nme = f"{middle:5.1f} {high:5.1f}" if self.errors else " " * 11
        return f"{found} {nme} {self.others:6} {1000 * self.seconds / max(1, self.pictures):7.0f}"


HEAD = f"{'found':12} {'NME %':>5} {'p90':>5} {'others':>6} {'ms':>7}"


def error(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance over the distance of the outer eye corners."""
    return float(np.linalg.norm(points - truth, axis=1).mean() / np.linalg.norm(truth[45] - truth[36]))


def scaled(shown: Shown, factor: float) -> Shown:
    """Resized as a whole."""
    height, width = shown.image.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    ratio = np.array([size[0] / width, size[1] / height])
    return Shown(
        cv2.resize(shown.image, size, interpolation=method), [(each + 0.5) * ratio - 0.5 for each in shown.truths]
    )


def turned(shown: Shown, degrees: float) -> Shown:
    """Turned against the clock, in a picture large enough for all of it."""
    height, width = shown.image.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    size = round(height * sine + width * cosine), round(height * cosine + width * sine)
    turn[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    image = cv2.warpAffine(shown.image, turn, size)
    return Shown(image, [truth @ turn[:, :2].T + turn[:, 2] for truth in shown.truths])


def shrunk_to(shown: Shown, side: float) -> Shown:
    """So small that the points of the (one) face span `side` pixels."""
    return scaled(shown, side / float(np.ptp(shown.truths[0], axis=0).max()))


def in_view(shown: Shown, side: float) -> Shown:
    """The face, spanning `side` pixels, in the middle of a square of `VIEW`; black outside the photo."""
    small = shrunk_to(shown, side)
    middle = (small.truths[0].max(0) + small.truths[0].min(0)) / 2
    shift = np.round((VIEW - 1) / 2 - middle)
    image = cv2.warpAffine(small.image, np.column_stack((np.eye(2), shift)), (VIEW, VIEW))
    return Shown(image, [small.truths[0] + shift])


def covered(shown: Shown, part: str) -> Shown:
    """The face with a grey patch: over its lower half (as a mask), its upper half, or one eye."""
    image = shown.image.copy()
    for truth in shown.truths:
        eyes = eye_centres(truth)
        across = eyes[1] - eyes[0]
        down = np.array([-across[1], across[0]])
        middle = eyes.mean(0)
        left, right, top, bottom = {
            "lower half": (-1.2, 1.2, 0.45, 2.2),
            "upper half": (-1.2, 1.2, -0.9, 0.4),
            "one eye": (-0.9, -0.1, -0.4, 0.35),
            "all": (-1.5, 1.5, -1.2, 2.2),
        }[part]
        corners = [
            middle + x * across + y * down for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        cv2.fillConvexPoly(image, np.round(corners).astype(np.int32), (128, 132, 140))
    return Shown(image, shown.truths)


def textures(count: int, side: int = 400) -> Iterator[np.ndarray]:
    """Noise of all coarsenesses, stripes, and blobs; the same each time."""
    draw = np.random.default_rng(0)
    for index in range(count):
        layers = [
            cv2.resize(draw.normal(size=(cells, cells, 3)), (side, side), interpolation=cv2.INTER_CUBIC) * cells**-0.5
            for cells in (4, 12, 36, 110)
        ]
        picture = sum(layers[index % 4 :], np.zeros((side, side, 3)))
        if index % 3 == 1:
            picture = np.sin(picture * 20)
        picture = (picture - picture.mean()) / picture.std()
        yield np.clip(128 + 50 * picture, 0, 255).astype(np.uint8)


def parts(image: np.ndarray) -> Iterator[np.ndarray]:
    """Squares of `VIEW`, at three sizes of the picture, that overlap by half."""
    for longer in (400, 800, max(image.shape[:2])):
        resized = scaled(Shown(image), longer / max(image.shape[:2])).image
        for top in range(0, resized.shape[0] - VIEW + 1, VIEW // 2):
            for left in range(0, resized.shape[1] - VIEW + 1, VIEW // 2):
                yield resized[top : top + VIEW, left : left + VIEW]


def read_portraits(folders: list[Path], count: int) -> list[Shown]:
    """Photos with a `.pts` each, evenly from all, their longer side at `LONGER_SIDE`."""
    points = [path for folder in folders for path in sorted(folder.glob("*.pts"))]
    shown = []
    for path in points[:: max(1, len(points) // count)][:count] if count < len(points) else points:
        image = decode_file(path.with_suffix(".jpg"), Limits())
        shown.append(scaled(Shown(image, [read_pts(path).astype(np.float64)]), LONGER_SIDE / max(image.shape[:2])))
    return shown


def read_groups(folder: Path) -> list[Shown]:
    """The photos that dlib's XML files name, with the points of each box."""
    shown = []
    for file in sorted(folder.glob("*.xml")):
        for image in ElementTree.parse(file).iter("image"):
            boxes = [
                [(float(p.attrib["x"]), float(p.attrib["y"])) for p in box.iter("part")] for box in image.iter("box")
            ]
            truths = [np.array(points) for points in boxes if len(points) == 68]
            shown.append(Shown(decode_file(folder / image.attrib["file"], Limits()), truths))
    return shown


def read_empty(faces: Path, count: int) -> dict[str, list[Shown]]:
    """Pictures without a face: dogs, textures, portraits of CelebA whose aligned face is under a patch."""
    dogs = Shown(decode_file(faces / "groups" / "dogs.jpg", Limits()))
    images = sorted((faces / "celeba" / "img_align_celeba").iterdir())
    place = np.zeros((68, 2)) + np.array([88.5, 112.5])
    place[36:42], place[42:48] = (69.3, 112.5), (107.7, 112.5)
    hidden = [
        covered(Shown(decode_file(path, Limits()), [place]), "all").image for path in images[:: len(images) // count]
    ]
    return {
        "dogs, 800 px": [scaled(dogs, LONGER_SIDE / max(dogs.image.shape[:2]))],
        "dogs, parts": [Shown(part) for part in parts(dogs.image)],
        "textures, 400 px": [Shown(image) for image in textures(count)],
        "CelebA, faces covered": [Shown(image) for image in hidden[:count]],
    }


def backend(detector: str, store: WeightStore, thorough: bool = False) -> Find:
    """What `build` finds."""
    made = create_backend(LandmarkRequest(detector=detector, thorough=thorough), store)
    return lambda image: made.detect([Query(image)])[0]


def finder(detector: str, store: WeightStore) -> Find:
    """What `upscale` finds."""
    made = create_finder(LandmarkRequest(detector=detector), store, Search())
    return lambda image: getattr(made.find(image), "faces", ())


def print_rows(title: str, makers: dict[str, Find], kinds: dict[str, list[Shown]]) -> None:
    """A table: a row for each detector and kind of pictures."""
    print(f"\n{title}\n{'':24} {'':26} {HEAD}")
    for name, find in makers.items():
        for kind, pictures in kinds.items():
            tally = Tally()
            for shown in pictures:
                tally.add(find, shown)
            print(f"{name:24} {kind:26} {tally.row()}", flush=True)


def print_curve(photos: Photos, store: WeightStore) -> None:
    """BlazeFace's own threshold: share of faces found by their size in what it looks at, and finds where there is none."""
    made = DlibBackend(DlibSettings(detector="blazeface"), store)
    search = made._blazeface
    assert search is not None
    low = [
        BlazeFace(each.network, BlazeFaceSettings(THRESHOLDS[0], each.settings.smallest, each.settings.turns))
        for each in search.detectors
    ]
    search.detectors = tuple(low)
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


TABLES = ("turned", "small", "empty", "groups", "curve", "covered")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path, metavar="FACES")
    parser.add_argument("--detector", action="append", choices=SEARCHES, dest="detectors")
    parser.add_argument("--table", action="append", choices=TABLES, dest="tables")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--weights-dir", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    store = WeightStore.from_environment(given.weights_dir)
    names = given.detectors or ["hog", "blazeface", "hog+blazeface"]
    tables = given.tables or TABLES
    portraits = read_portraits([given.faces / "helen", given.faces / "afw"], given.photos)
    photos = Photos(portraits, read_groups(given.faces / "groups"), read_empty(given.faces, min(300, 5 * given.photos)))
    builds = {name: backend(name, store) for name in names}
    if "turned" in tables:
        angles = {f"turned by {angle}": [turned(each, angle) for each in portraits] for angle in (0, 30, 60, 90)}
        print_rows("Portraits at 800 px (build)", builds, angles)
    if "small" in tables:
        sizes = {f"face of {side} px": [shrunk_to(each, side) for each in portraits] for side in SIZES}
        print_rows("Small portraits (upscale)", {name: finder(name, store) for name in names}, sizes)
    if "empty" in tables:
        print_rows("Without a face (build)", builds, photos.empty)
    if "groups" in tables:
        thorough = {f"{name} --thorough": backend(name, store, True) for name in names if "blazeface" in name}
        print_rows("Groups: all annotated faces", builds | thorough, {f"{len(photos.groups)} groups": photos.groups})
    if "curve" in tables:
        print_curve(photos, store)
    if "covered" in tables:
        parts = {part: [covered(each, part) for each in portraits] for part in ("lower half", "upper half", "one eye")}
        print_rows("Half hidden, at 800 px (build)", builds, parts)


if __name__ == "__main__":
    main()
