"""Models and face finder, loaded once by settings, for any number of pictures: the one way in, of programs and of `fishfsr upscale`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from fishfsr.errors import ConfigurationError
from fishfsr.inference.runner import InferenceOptions, InferencePrecision
from fishfsr.inference.shipped import shipped
from fishfsr.upscaling.faces import FaceFinder, Search, create_finder
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import FaceRecipe, ModelSet, load_models
from fishfsr.upscaling.photo import PhotoInput, UpscaledPhoto, upscaled
from fishfsr.upscaling.planning import Planner
from fishfsr.upscaling.request import UpscaleListener, UpscaleReport, UpscaleRequest
from fishfsr.upscaling.results import PhotoSize
from fishfsr.upscaling.run import upscale_files
from fishprep.common.device import resolve_device
from fishprep.common.libraries import installed_versions, library_versions
from fishprep.common.threads import threads
from fishprep.common.weights import WeightStore
from fishprep.faces.crop import CropRecipe
from fishprep.landmarks import LandmarkRequest
from fishprep.landmarks.select import Policy

KindChoice = Literal["guess", "aligned", "crop", "photo"]


@dataclass(frozen=True)
class UpscaleSettings:
    """What restores faces, and how they are looked for; docs/upscaling.md explains each.

    models: one for each scale, as `fishfsr.load` takes them; none: those that are shipped. kind: what every picture is.
    force: shrink crops larger than the models take. crop, expand: instead of the checkpoints' recipe. upright: whether faces
    are turned until their eyes are level, and back; None is as the checkpoints' recipe says.
    landmarks: dlib or fan; `detector` and `thorough` are dlib's alone. weights_dir: of FAN's weights. faces: which of several.
    smallest: crop side in pixels down to which to search, in a photo enlarged to at most `search_pixels`.
    threads: of torch while pictures are worked on; None leaves them as they are.
    """

    models: tuple[str | Path, ...] = ()
    kind: KindChoice = "guess"
    force: bool = False
    crop: str | None = None
    expand: float | None = None
    upright: bool | None = None
    landmarks: str = "dlib"
    detector: str = "blazeface"
    thorough: bool = False
    weights_dir: Path | None = None
    faces: Policy = "all"
    smallest: int = Search().smallest
    search_pixels: int = Search().max_pixels
    device: str = "auto"
    precision: InferencePrecision = "float32"
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("kind", self.kind, get_args(KindChoice)),
            ("faces", self.faces, get_args(Policy)),
            ("landmarks", self.landmarks, ("dlib", "fan")),
        ):
            if value not in known:
                raise ConfigurationError(f"{name} = {value!r}: must be one of {', '.join(known)}")
        if self.expand is not None and self.crop is None:
            raise ConfigurationError("expand goes with crop")
        if self.threads is not None and self.threads < 1:
            raise ConfigurationError(f"threads = {self.threads}: at least one")


class Upscaler:
    """Restores faces in pictures. Use one for many pictures: what its settings name is loaded once, here.

    Raises CheckpointError, ConfigurationError, DeviceError, WeightsError: what is missing, and what to type.
    """

    def __init__(self, settings: UpscaleSettings | None = None) -> None:
        self.settings = settings or UpscaleSettings()
        self.device = str(resolve_device(self.settings.device))
        self.models = _models(self.settings)
        request = None if self.settings.kind in ("aligned", "crop") else _landmark_request(self.settings, self.device)
        self.finder = None if request is None else _finder(self.settings, request)
        self._runtimes = () if request is None else request.runtimes
        kind = None if self.settings.kind == "guess" else Kind(self.settings.kind)
        self.planner = Planner(self.models, self.finder, kind, self.settings.force)

    @cached_property
    def runs(self) -> Mapping[str, Any]:
        """What runs where: the device, each model's way of running, the versions of libraries."""
        return {
            "device": self.device,
            "models": {model.name: str(model.resolver) for model in self.models.models},
            "versions": library_versions() | installed_versions(self._runtimes),
        }

    def photo(self, image: PhotoInput, size: PhotoSize | None = None) -> UpscaledPhoto:
        """One picture, as `fishfsr.upscale_photo`."""
        with threads(self.settings.threads):
            return upscaled(image, self.planner, size or PhotoSize())

    def files(self, request: UpscaleRequest, listener: UpscaleListener = lambda news: None) -> UpscaleReport:
        """Files and folders, as `fishfsr upscale`: results, and a record of every input, in `request.out`.

        Raises ConfigurationError, SourceError and FishFSRError as `fishfsr.upscaling.run.upscale_files` does.
        """
        with threads(self.settings.threads):
            return upscale_files(request, self.planner, self.runs, listener)


def upscale_photo(image: PhotoInput, outscale: float | None = None, **settings: Any) -> UpscaledPhoto:
    """A photo enlarged, with its faces restored by the models that fit them, and what became of each face.

    `image`: the path of a file, which is read as `fishfsr upscale` reads it; an upright Pillow image of mode RGB; or an (H, W, 3)
    uint8 array. `outscale`: by how much the photo is enlarged, 1 to 32; by default the scale of the models used. `settings`: the
    fields of `UpscaleSettings`; `kind` is "photo" unless given. For many photos make one `Upscaler`.

    Raises InputError for another kind of picture, or a photo that would be too large; DecodeError for a file that is no picture;
    CheckpointError, ConfigurationError, DeviceError, WeightsError.
    """
    size = PhotoSize(outscale, keep_all=outscale is not None)
    return Upscaler(UpscaleSettings(**{"kind": "photo", **settings})).photo(image, size)


def _models(settings: UpscaleSettings) -> ModelSet:
    recipe = FaceRecipe(CropRecipe(settings.crop, settings.expand)) if settings.crop else None
    models = settings.models or shipped(WeightStore.from_environment())
    return load_models(
        models, settings.device, InferenceOptions(precision=settings.precision), recipe, settings.upright
    )


def _landmark_request(settings: UpscaleSettings, device: str) -> LandmarkRequest:
    return LandmarkRequest(settings.landmarks, settings.thorough, device, settings.detector)


def _finder(settings: UpscaleSettings, request: LandmarkRequest) -> FaceFinder:
    search = Search(settings.smallest, settings.search_pixels, settings.faces)
    return create_finder(request, WeightStore.from_environment(settings.weights_dir), search)
