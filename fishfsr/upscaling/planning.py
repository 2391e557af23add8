"""A picture → its faces, each cut for the model that fits it, or left alone with the reason.

A crop goes through its model at its own size, as the networks take any: nothing of it is resampled, but where `force` has one shrunk.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from fishfsr.errors import ConfigurationError
from fishfsr.inference.sizes import LARGEST_AS_IT_IS, SMALLEST_SIDE, side_given
from fishfsr.upscaling.faces import FaceFinder
from fishfsr.upscaling.kinds import LARGEST_LR_SIDE, SQUARE_ENOUGH, Kind, could_be_aligned, looks_like_crop
from fishfsr.upscaling.models import FaceModel, ModelSet, needed_scale
from fishprep.faces.crop import cut, outside_share, to_crop
from fishprep.faces.measures import pose
from fishprep.faces.photo import Problem
from fishprep.faces.pyramid import RESIZERS
from fishprep.landmarks.base import Box, Face
from fishprep.shards.schema import HR_SIZE

LARGEST_OUTSIDE = 0.25
"""Share of a crop outside the photo up to which faces are trained on by default."""

LARGEST_YAW, LARGEST_PITCH, LARGEST_ROLL = 40.0, 32.0, 15.0
"""Degrees. 99 % of 8,500 aligned CelebA faces are within 39, 30 and 8; the roll of a tiny face is known to a few degrees only."""

SMALLEST_SHARE = 0.65
"""Side of a crop over the LR size below which it is smaller than what the model knows; with all models at hand none is."""


@dataclass(frozen=True, eq=False)
class PlannedFace:
    """A face, ready for its model, or left alone.

    crop: (h, w, 3) uint8 as it is in the picture. box: of the crop in the picture, angle: the degrees by which it stands turned there.
    lr: (h, w, 3) uint8 for `model`; both are None
    where `reason` says why the face is left alone. warnings: what about it is outside of what the model was trained on.
    angles: yaw, pitch and roll in degrees; None where the picture was not searched. backend: what found it.
    """

    crop: np.ndarray
    box: Box
    model: FaceModel | None = None
    lr: np.ndarray | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    angles: tuple[float, float, float] | None = None
    backend: str = ""
    angle: float = 0.0

    @property
    def side(self) -> int:
        """Pixels of the crop's longer side."""
        return max(self.crop.shape[:2])


@dataclass(frozen=True, eq=False)
class PicturePlan:
    """What is to be done with a picture (H, W, 3) uint8: its kind, guessed or told, and its faces from left to right.

    problem: why there are none. note: what was found out about the picture as a whole.
    """

    image: np.ndarray
    kind: Kind
    guessed: bool
    faces: tuple[PlannedFace, ...] = ()
    problem: Problem | None = None
    note: str = ""

    @property
    def count(self) -> int:
        """Faces that go through a model."""
        return sum(face.model is not None for face in self.faces)


@dataclass(frozen=True, eq=False)
class Planner:
    """Makes plans. kind: what every picture is, None to guess. force: shrink crops of any size to the largest that the models take.

    finder: None where nothing is to be searched, which `kind` must say; else ConfigurationError.
    """

    models: ModelSet
    finder: FaceFinder | None
    kind: Kind | None = None
    force: bool = False

    def __post_init__(self) -> None:
        if self.finder is None and self.kind in (None, Kind.PHOTO):
            raise ConfigurationError("photos, and pictures whose kind is to be guessed, need a face finder")

    def plan(self, image: np.ndarray) -> PicturePlan:
        """The plan of a picture (H, W, 3) uint8, upright."""
        height, width = image.shape[:2]
        guessed = self.kind is None
        if self.kind is Kind.ALIGNED or (self.kind is None and could_be_aligned(width, height)):
            return PicturePlan(image, Kind.ALIGNED, guessed, (self._aligned(image),))
        if self.kind is Kind.CROP:
            return PicturePlan(image, Kind.CROP, guessed, (self._whole(image),))
        assert self.finder is not None
        found = self.finder.find(image)
        if isinstance(found, Problem):
            hint = "; of a face crop say so with --kind crop" if self.kind is None else ""
            return PicturePlan(image, Kind.PHOTO, guessed, problem=Problem(found.status, found.reason + hint))
        if self.kind is None and looks_like_crop(image, found.faces, self.models.recipe.crop):
            return PicturePlan(image, Kind.CROP, guessed, (self._whole(image, found.faces[0]),))
        faces = tuple(self._found(image, face) for face in found.faces)
        return PicturePlan(image, Kind.PHOTO, guessed, faces, note=_reach(found.smallest, self.finder.search.smallest))

    @property
    def _smallest(self) -> int:
        return self.finder.search.smallest if self.finder else 0

    def _aligned(self, image: np.ndarray) -> PlannedFace:
        height, width = image.shape[:2]
        box = _whole_box(image)
        if min(height, width) < SMALLEST_SIDE:
            return PlannedFace(image, box, reason=_too_small(min(height, width)))
        if max(height, width) > LARGEST_LR_SIDE:
            reason = f"{width} x {height} px: an LR face has up to {LARGEST_LR_SIDE}; of a larger crop say --kind crop"
            return PlannedFace(image, box, reason=reason)
        model = self.models.for_aligned(max(height, width))
        warnings = []
        if (height, width) != (model.lr_size, model.lr_size):
            size = f"{model.lr_size} x {model.lr_size} px"
            warnings.append(f"{width} x {height} px: {model.name} (x{model.scale}) was trained on {size}")
        return PlannedFace(image, box, self.models.for_pixels(model, image), image, warnings=tuple(warnings))

    def _whole(self, image: np.ndarray, face: Face | None = None) -> PlannedFace:
        """A picture that is a crop. Its shape is kept: a longer side takes the LR size."""
        height, width = image.shape[:2]
        planned = self._fitted(image, _whole_box(image), square=False)
        warnings = list(planned.warnings)
        if max(height, width) > SQUARE_ENOUGH * min(height, width):
            warnings.append(f"{width} x {height} px: the model was trained on square crops")
        return _with_face(planned, face, warnings)

    def _found(self, image: np.ndarray, face: Face) -> PlannedFace:
        height, width = image.shape[:2]
        try:
            angle = self.models.recipe.crop.angle(face.points)
            box = self.models.recipe.crop.box(face.points, width, height)
        except ValueError as error:
            nothing = np.empty((0, 0, 3), np.uint8)
            return PlannedFace(nothing, face.box, reason=str(error), backend=face.backend)
        planned = replace(self._fitted(cut(image, box, angle), box, square=True), angle=angle)
        if planned.model is not None and planned.side < self._smallest:
            reason = (
                f"its crop has {planned.side} px a side, below --smallest {self._smallest}: so small, often no face"
            )
            planned = PlannedFace(planned.crop, box, reason=reason, angle=angle)
        warnings = list(planned.warnings)
        outside = outside_share(box, width, height, angle)
        if planned.model is not None and outside > LARGEST_OUTSIDE:
            warnings.append(
                f"{outside:.0%} of its crop lies outside the photo; in training at most {LARGEST_OUTSIDE:.0%}"
            )
        return _with_face(planned, face, warnings)

    def _fitted(self, crop: np.ndarray, box: Box, square: bool) -> PlannedFace:
        """A crop with its model and LR image. square: as in training, where a crop that is not square is stretched."""
        height, width = crop.shape[:2]
        side = max(height, width)
        if min(height, width) < SMALLEST_SIDE:
            return PlannedFace(crop, box, reason=_too_small(min(height, width)))
        if side >= HR_SIZE:
            return PlannedFace(
                crop, box, reason=f"its crop has {side} px a side: faces of {HR_SIZE} and more are left alone"
            )
        model = self.models.for_crop(side, self.force)
        if model is None:
            return PlannedFace(crop, box, reason=self._too_large(side))
        given = side_given(side, model.scale)
        size = (given, given) if square else _longer_side(width, height, given)
        lr = _resized(crop, size, self.models.recipe.resizer)
        chosen = self.models.for_pixels(model, lr)
        return PlannedFace(crop, box, chosen, lr, warnings=_scale_warnings(side, given, model))

    def _too_large(self, side: int) -> str:
        largest = self.models.largest
        scale = needed_scale(side)
        other = f"--model of scale x{scale} takes it" if scale else "no scale takes it"
        return (
            f"its crop has {side} px a side, more than {LARGEST_AS_IT_IS} times the {largest.lr_size} of x{largest.scale}: {other}, "
            "--force shrinks it, which loses detail"
        )


def _reach(smallest: int, wanted: int) -> str:
    return f"searched for crops from {smallest} px, not {wanted}: a large photo" if smallest > wanted else ""


def _with_face(planned: PlannedFace, face: Face | None, warnings: list[str]) -> PlannedFace:
    """With what the search knows of the face."""
    if face is None:
        return replace(planned, warnings=tuple(warnings))
    angles = pose(to_crop(face.points, planned.box, angle=planned.angle))
    if planned.model is not None:
        warnings += _pose_warnings(angles)
    return replace(planned, warnings=tuple(warnings), angles=angles, backend=face.backend)


def _pose_warnings(angles: tuple[float, float, float]) -> list[str]:
    limits = (("yaw", LARGEST_YAW), ("pitch", LARGEST_PITCH), ("roll", LARGEST_ROLL))
    return [
        f"{name} of {angle:.0f} degrees: hardly any face in training goes beyond {limit:.0f}"
        for angle, (name, limit) in zip(angles, limits, strict=True)
        if abs(angle) > limit
    ]


def _scale_warnings(side: int, given: int, model: FaceModel) -> tuple[str, ...]:
    if given < side:
        return (f"shrunk from {side} to {given} px for x{model.scale}: detail of the photo is lost",)
    if side < SMALLEST_SHARE * model.lr_size:
        scale = needed_scale(side)
        better = f"; x{scale} would fit better" if scale and scale > model.scale else ""
        return (f"{side} px: x{model.scale} was trained on faces of {model.lr_size} px{better}",)
    return ()


def _too_small(side: int) -> str:
    return f"{side} px a side: a face needs {SMALLEST_SIDE}"


def _whole_box(image: np.ndarray) -> Box:
    height, width = image.shape[:2]
    return -0.5, -0.5, width - 0.5, height - 0.5


def _longer_side(width: int, height: int, side: int) -> tuple[int, int]:
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _resized(crop: np.ndarray, size: tuple[int, int], resizer: str) -> np.ndarray:
    """To `size` (width, height); by the recipe's kernel where that is square, as those know no other."""
    if crop.shape[1::-1] == size:
        return crop
    if size[0] == size[1]:
        return RESIZERS[resizer](crop[None], size[0])[0]
    return np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC))
