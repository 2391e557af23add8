"""A parser against labelled faces: whole pictures, the crops of a build, and the pyramid of the skin map."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fishprep.common.opencv import cv2
from fishprep.common.progress import TellCount
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing.classes import FaceClass
from fishprep.parsing.evaluation.crops import LabelledCrop, labelled_crop
from fishprep.parsing.evaluation.scores import SKIN, Confusion, binary_iou, boundary_f
from fishprep.parsing.evaluation.tones import by_tone, typology_angle
from fishprep.parsing.labelled import UNLABELLED, LabelledFaces
from fishprep.parsing.network_parser import NetworkParser
from fishprep.parsing.skin import MaskResize

PYRAMID = (64, 32, 16, 8)
RESIZES = ("nearest", "area:0.3", "area:0.4", "area:0.5", "area:0.6")
BATCH = 16


@dataclass
class Level:
    """Figures at one place: `confusion` over all its maps, `boundary` of each face's skin."""

    confusion: Confusion = field(default_factory=Confusion)
    boundary: list[float] = field(default_factory=list)

    def add(self, found: np.ndarray, labels: np.ndarray) -> None:
        """Maps (H, W) uint8 of one face."""
        self.confusion.add(found, labels)
        inside = labels != UNLABELLED
        self.boundary.append(boundary_f((found == SKIN) & inside, (labels == SKIN) & inside))

    def record(self) -> dict[str, Any]:
        """Figures for JSON; `classes`: IoU and F1 of each, None where it neither is labelled nor was found."""
        if not self.boundary:
            return {}
        iou, f1 = self.confusion.iou(), self.confusion.f1()
        return {
            "skin_iou": self.confusion.skin_iou(),
            "accuracy": self.confusion.skin_accuracy(),
            "mean_iou": self.confusion.mean_iou(),
            "boundary_f": float(np.mean(self.boundary)),
            "classes": {
                str(face_class): [None if np.isnan(value) else float(value) for value in (iou[index], f1[index])]
                for index, face_class in enumerate(FaceClass)
            },
        }


@dataclass
class PyramidLevel:
    """Accuracy of the binary map at one size: `shares` by the way it was made smaller, a figure a face."""

    shares: dict[str, list[float]] = field(default_factory=lambda: {method: [] for method in RESIZES})


@dataclass
class ParserEvaluation:
    """What was found. `crop_iou`: skin IoU of each face's crop, by name. `angles`: of the labelled skin there, `typology_angle`, where
    there is enough of it. `lost`: faces that no crop was found for."""

    pictures: Level = field(default_factory=Level)
    crops: Level = field(default_factory=Level)
    pyramid: dict[int, PyramidLevel] = field(default_factory=lambda: {size: PyramidLevel() for size in PYRAMID})
    crop_iou: dict[str, float] = field(default_factory=dict)
    angles: dict[str, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """All figures for JSON; those of crops are empty where no face was found."""
        pyramid = {
            str(size): {method: float(np.mean(values)) for method, values in level.shares.items()}
            for size, level in self.pyramid.items()
            if self.crop_iou
        }
        return {
            "pictures": self.pictures.record(),
            "crops": self.crops.record(),
            "pyramid": pyramid,
            "crop_iou": self.crop_iou,
            "tones": [asdict(group) for group in by_tone(self.angles, self.crop_iou)],
            "lost": self.lost,
        }


def evaluate_parser(
    parser: NetworkParser, faces: LabelledFaces, backend: LandmarkBackend, done: TellCount = lambda done, total: None
) -> ParserEvaluation:
    """All figures of `faces`. Memory holds one batch."""
    result = ParserEvaluation()
    for start in range(0, len(faces), BATCH):
        rows = range(start, min(start + BATCH, len(faces)))
        read = [faces.read(row) for row in rows]
        for (_, labels), found in zip(read, parser.parse_images([picture for picture, _ in read]), strict=True):
            result.pictures.add(found, labels)
        crops = {faces.faces[row].name: labelled_crop(*pair, backend) for row, pair in zip(rows, read, strict=True)}
        result.lost += [name for name, crop in crops.items() if crop is None]
        _add_crops(result, parser, {name: crop for name, crop in crops.items() if crop is not None})
        done(rows.stop, len(faces))
    return result


def parse_crops(parser: NetworkParser, crops: Sequence[LabelledCrop]) -> np.ndarray:
    """(N, 128, 128) uint8 classes of crops."""
    classes = parser.parse(np.stack([crop.image for crop in crops]), np.stack([c.landmarks for c in crops])).classes
    assert classes is not None
    return classes


def _add_crops(result: ParserEvaluation, parser: NetworkParser, crops: dict[str, LabelledCrop]) -> None:
    if not crops:
        return
    for (name, crop), found in zip(crops.items(), parse_crops(parser, list(crops.values())), strict=True):
        result.crops.add(found, crop.classes)
        inside = crop.classes != UNLABELLED
        result.crop_iou[name] = binary_iou((found == SKIN) & inside, (crop.classes == SKIN) & inside)
        if (angle := typology_angle(crop.image, crop.classes == SKIN)) is not None:
            result.angles[name] = angle
        for size, level in result.pyramid.items():
            truth, known = _smaller_truth(crop.whole, size)
            for method, shares in level.shares.items():
                [skin] = MaskResize.of(method).resize((found == SKIN).astype(np.uint8)[None], size)
                shares.append(float((skin == truth)[known].mean()))


def _smaller_truth(whole: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The label at a smaller size: skin where at least half of the area is; and where at least half is labelled at all."""
    labelled = (whole != UNLABELLED).astype(np.float32)
    shares = cv2.resize(labelled, (size, size), interpolation=cv2.INTER_AREA)
    skin = cv2.resize((whole == SKIN).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return skin >= 0.5 * shares, shares >= 0.5
