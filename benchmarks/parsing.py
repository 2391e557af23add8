"""Skin maps and time of the parsers on labelled faces.

    python benchmarks/parsing.py ../shared/faces/celebamask [--count 100] [--runs PARSER:SIZE[:bfloat16] ...]

The folder holds `val.txt`, `images/*.jpg` and `masks/*.png` (palette PNGs in CelebAMask-HQ's order). Each parser is fed with
the whole picture (maps compared at the picture's own size) and with the 128² crops that a build makes (maps compared at 128²;
what lies outside the picture is not counted). Skin IoU and mean IoU are of all pixels together; the usual way is facexlib's
own forward pass on one crop at a time, upsampled to the input, argmax, nearest. Times are CPU milliseconds per face on one
thread.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from fishprep.common.tensors import load_state_dict
from fishprep.common.weights import WeightStore, find
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import TEACHER, Precision
from fishprep.parsing.classes import ClassOrder, convert
from fishprep.parsing.evaluation.crops import labelled_crop
from fishprep.parsing.evaluation.scores import Confusion
from fishprep.parsing.labelled import numbering, open_labelled
from fishprep.parsing.landmark_skin import LandmarkSkinParser
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.bisenet import empty_network
from fishprep.parsing.weights import RECORDS

USUAL = (
    "compact-fishfsr:160",
    "compact-fishfsr:160:float32",
    "compact-fishfsr:128",
    "bisenet-fishfsr:256",
    "bisenet-fishfsr:192",
    "bisenet-fishfsr:256:bfloat16",
)


@dataclass(frozen=True)
class Run:
    """A parser as it is run: PARSER:SIZE in the precision that its weights are made for, or PARSER:SIZE:PRECISION."""

    parser: str
    settings: NetworkSettings

    @classmethod
    def of(cls, text: str) -> "Run":
        name, size, *precision = text.split(":")
        return cls(name, NetworkSettings(size=int(size), precision=Precision.of(*precision) if precision else None))

    def __str__(self) -> str:
        precision = self.settings.precision
        return f"{self.parser} {self.settings.size}{'' if precision is None else f', {precision}'}"


@dataclass(frozen=True, eq=False)
class Faces:
    """Pictures (N, S, S, 3), their crops (N, 128, 128, 3), landmarks in the crops, and the classes of both."""

    pictures: np.ndarray
    picture_classes: np.ndarray
    crops: np.ndarray
    crop_classes: np.ndarray
    landmarks: np.ndarray


def read(folder: Path, count: int) -> Faces:
    """The first `count` faces of `val.txt` that dlib finds."""
    backend = create_backend(LandmarkRequest(), WeightStore.from_environment())
    labelled = open_labelled(folder, "val", numbering("celebamask"))
    rows = []
    for index in range(min(count, len(labelled))):
        picture, classes = labelled.read(index)
        crop = labelled_crop(picture, classes, backend)
        if crop is not None:
            rows.append((picture, classes, crop.image, crop.classes, crop.landmarks))
    return Faces(*(np.stack(column) for column in zip(*rows, strict=True)))


def located(parser: str) -> Path:
    """The shipped weights of a parser."""
    return WeightStore.from_environment().locate(find(parser, RECORDS))


def usual_way(weights: Path, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """What people write around facexlib: crops (N, 128, 128, 3) → classes (N, 128, 128), one at a time."""
    net = empty_network()
    tensors = load_state_dict(weights)
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}, assign=True)
    net.eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    @torch.no_grad()
    def parse(crops: np.ndarray) -> np.ndarray:
        maps = []
        for crop in crops:
            enlarged = cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)
            image = (torch.from_numpy(enlarged).permute(2, 0, 1).float() / 255 - mean) / std
            full = net(image[None])[0].argmax(1, keepdim=True).float()
            maps.append(F.interpolate(full, (128, 128), mode="nearest")[0, 0].to(torch.uint8).numpy())
        return convert(np.stack(maps), ClassOrder.FACEXLIB, ClassOrder.CELEBAMASK)

    return parse


def report(label: str, run: Callable[[], np.ndarray], truth: np.ndarray, classes: bool = True) -> np.ndarray:
    """Print one row and return the maps."""
    start = time.process_time()
    found = run()
    milliseconds = 1000 * (time.process_time() - start) / len(found)
    scores = Confusion()
    scores.add(found, truth)
    mean = f"{scores.mean_iou():.3f}" if classes else ""
    print(
        f"| {label} | {scores.skin_iou():.3f} | {scores.skin_accuracy():.3f} | {mean} | {milliseconds:.0f} |",
        flush=True,
    )
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--runs", nargs="+", type=Run.of, default=[Run.of(text) for text in USUAL])
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    faces = read(given.folder, given.count)
    networks = {run: NetworkParser(run.settings, located(run.parser), run.parser) for run in given.runs}
    print(f"{len(faces.crops)} faces")
    print("| 128² crops | skin IoU | accuracy | mean IoU | ms |\n|---|---|---|---|---|")
    _crop_rows(faces, networks)
    print("| whole pictures | skin IoU | accuracy | mean IoU | ms |\n|---|---|---|---|---|")
    for run, network in networks.items():
        report(str(run), lambda: np.stack(network.parse_images(list(faces.pictures))), faces.picture_classes)  # noqa: B023


def _crop_rows(faces: Faces, networks: dict[Run, NetworkParser]) -> None:
    usual = usual_way(located(TEACHER), 256)
    maps = {
        f"the usual way, {TEACHER} 256": report(
            f"the usual way, {TEACHER} 256", lambda: usual(faces.crops), faces.crop_classes
        )
    }
    for run, network in networks.items():
        network.parse(faces.crops[:1], faces.landmarks[:1])
        maps[str(run)] = report(str(run), lambda: _classes(network, faces), faces.crop_classes)  # noqa: B023
    shape = LandmarkSkinParser()
    maps["landmark-skin"] = report(
        "landmark-skin", lambda: shape.parse(faces.crops, faces.landmarks).skin, faces.crop_classes, classes=False
    )
    first = str(next(iter(networks)))
    print(f"\n| skin maps as those of {first} | pixels | IoU |\n|---|---|---|")
    reference = maps[first] == 1
    for label, found in maps.items():
        skin = found == 1
        print(
            f"| {label} | {(skin == reference).mean():.3f} | {(skin & reference).sum() / (skin | reference).sum():.3f} |"
        )
    print()


def _classes(network: NetworkParser, faces: Faces) -> np.ndarray:
    classes = network.parse(faces.crops, faces.landmarks).classes
    assert classes is not None
    return classes


if __name__ == "__main__":
    main()
