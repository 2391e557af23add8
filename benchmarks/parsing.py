"""Skin maps and time of the parsers on labelled faces.

    python benchmarks/parsing.py ../shared/faces/celebamask --weights FILE [--count 100] [--sizes 512 256 192 128]

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
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.parsing.base import Precision
from fishprep.parsing.classes import ClassOrder, convert
from fishprep.parsing.evaluation.crops import labelled_crop
from fishprep.parsing.evaluation.scores import Confusion
from fishprep.parsing.labelled import numbering, open_labelled
from fishprep.parsing.landmark_skin import LandmarkSkinParser
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.bisenet import empty_network


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
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 256, 224, 192, 160, 128])
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    faces = read(given.folder, given.count)
    own = NetworkParser(NetworkSettings(), given.weights).size
    print(f"{len(faces.crops)} faces, {given.weights.name}, trained at {own}")
    print("| 128² crops | skin IoU | accuracy | mean IoU | ms |\n|---|---|---|---|---|")
    _crop_rows(faces, given.weights, given.sizes, own)
    print("| whole pictures | skin IoU | accuracy | mean IoU | ms |\n|---|---|---|---|---|")
    for size in given.sizes:
        whole = NetworkParser(NetworkSettings(size=size), given.weights)
        report(f"bisenet {size}", lambda: np.stack(whole.parse_images(list(faces.pictures))), faces.picture_classes)  # noqa: B023


def _crop_rows(faces: Faces, weights: Path, sizes: list[int], own: int) -> None:
    usual = usual_way(weights, own)
    maps = {f"the usual way, {own}": report(f"the usual way, {own}", lambda: usual(faces.crops), faces.crop_classes)}
    variants = {f"bisenet {size}": NetworkSettings(size=size) for size in sizes}
    variants[f"bisenet {own}, bfloat16"] = NetworkSettings(size=own, precision=Precision.BFLOAT16)
    for label, settings in variants.items():
        network = NetworkParser(settings, weights)
        network.parse(faces.crops[:1], faces.landmarks[:1])
        maps[label] = report(label, lambda: _classes(network, faces), faces.crop_classes)  # noqa: B023
    shape = LandmarkSkinParser()
    maps["landmark-skin"] = report(
        "landmark-skin", lambda: shape.parse(faces.crops, faces.landmarks).skin, faces.crop_classes, classes=False
    )
    if f"bisenet {own}" in maps:
        print(f"\n| skin maps as those of bisenet {own} | pixels | IoU |\n|---|---|---|")
        reference = maps[f"bisenet {own}"] == 1
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
