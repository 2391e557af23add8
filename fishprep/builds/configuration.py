"""Every choice of a build in one validated, frozen record, and the recipe that training must agree on."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from fishprep.builds.shares import Shares
from fishprep.common.canonical import canonical, sha256_json
from fishprep.common.errors import ConfigurationError
from fishprep.decoding.decode import MOST_PIXELS, Limits
from fishprep.detectors.base import RUNTIME
from fishprep.faces.crop import CAN_TURN, RECIPES, UNCROPPED, CropRecipe
from fishprep.faces.pyramid import RESIZERS
from fishprep.faces.settings import FaceSettings
from fishprep.landmarks import DEFAULT_DETECTOR, MARKED, LandmarkRequest, check_search, reads_points
from fishprep.landmarks.select import DISAGREEMENT_LIMIT, MIN_SCORE, Policy
from fishprep.parsing.base import DEFAULT_PARSER
from fishprep.parsing.given import GIVEN
from fishprep.parsing.skin import MaskResize, SkinFusion
from fishprep.shards.schema import SIZES

IN_RECIPE = (
    "crop",
    "expand",
    "upright",
    "resizer",
    "mask_resizer",
    "parser",
    "parser_size",
    "parser_precision",
    "skin_classes",
)
"""The settings that, with the hash of the parser's weights, make the recipe."""


LATER: dict[str, Any] = {"upright": False, "parser_precision": "float32"}
"""Settings that there were not at first, as they are where nothing is said: not written then, so that shards keep their bytes."""

ParserPrecision = Literal["float32", "bfloat16", "int8"]
"""On any device."""

FILE_RULE = "file:"
"""A split by a file is recorded as this and the SHA-256 of what the file says."""


class BuildConfiguration(BaseModel):
    """What decides the content of shards. Two builds with equal configurations and equal inputs have equal shards.

    Fields are named as the flags of `fishprep build`; `docs/building.md` explains each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = "folder"
    split: str = "official"
    seed: int = 0

    max_bytes: Annotated[int, Field(ge=1)] = Limits().max_bytes
    max_pixels: Annotated[int, Field(ge=1, le=MOST_PIXELS)] = Limits().max_pixels

    max_seconds: Annotated[float, Field(gt=0, le=1_000_000)] = 60.0

    landmarks: str = "dlib"
    detector: str = DEFAULT_DETECTOR
    thorough: bool = False
    faces: Policy = "largest"
    min_score: Annotated[float, Field(ge=0, le=1)] = MIN_SCORE
    max_disagreement: Annotated[float, Field(gt=0)] = DISAGREEMENT_LIMIT

    crop: str = "square"
    expand: Annotated[float, Field(gt=0.2, le=10)] | None = None
    upright: bool = False
    max_outside: Annotated[float, Field(ge=0, le=1)] = 0.25
    min_side: Annotated[int, Field(ge=1)] = 64

    resizer: str = "pillow-bicubic"
    mask_resizer: str = "area:0.5"

    parser: str = DEFAULT_PARSER
    parser_size: Annotated[int, Field(ge=64, le=1024, multiple_of=32)] | None = None
    parser_precision: ParserPrecision | None = None
    """None is what the weights are made for; filled in with them."""
    skin_classes: tuple[str, ...] = ("skin",)
    keep_classes: bool = False

    shard_size: Annotated[int, Field(ge=1, le=100_000)] = 1000
    device: str = "cpu"
    threads: Annotated[int, Field(ge=1)] = 1
    weights: dict[str, str] = {}
    """Name → SHA-256 of every weight file in use; filled in when the pipeline is made."""

    @model_serializer(mode="wrap")
    def _with_what_is_used(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what is `LATER` and not used."""
        values: dict[str, Any] = dump(self)
        return {name: value for name, value in values.items() if name not in LATER or value not in (LATER[name], None)}

    @classmethod
    def parse(cls, values: dict[str, Any]) -> "BuildConfiguration":
        """From unchecked values, in one spelling; ConfigurationError names every field that does not fit."""
        configuration = cls._checked(values)
        if configuration.parser in GIVEN and configuration.crop != UNCROPPED:
            raise ConfigurationError(
                f"--masks: goes with --crop {UNCROPPED}, as masks are of face crops; `fishprep import` takes those"
            )
        if configuration.landmarks == MARKED:
            raise ConfigurationError(
                f"--landmarks {MARKED}: is of `fishprep retry --points`, where faces are marked by hand"
            )
        return configuration.normal()

    @classmethod
    def _checked(cls, values: dict[str, Any]) -> "BuildConfiguration":
        try:
            configuration = cls(**values)
        except ValidationError as error:
            problems = "; ".join(f"--{_flag(e['loc'])}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(problems) from error
        for field, value, known in (
            ("crop", configuration.crop, RECIPES),
            ("resizer", configuration.resizer, RESIZERS),
        ):
            if value not in known:
                raise ConfigurationError(f"--{field}: {value!r} is not one of {', '.join(known)}")
        if configuration.upright and configuration.crop not in CAN_TURN:
            raise ConfigurationError(
                f"--upright: goes with --crop {' or '.join(sorted(CAN_TURN))}, not {configuration.crop}"
            )
        if configuration.crop == UNCROPPED and configuration.expand not in (None, RECIPES[UNCROPPED][1]):
            raise ConfigurationError(f"--expand: goes with a crop, and --crop {UNCROPPED} takes pictures as they are")
        check_search(configuration.detector, configuration.thorough and configuration.landmarks == "dlib")
        MaskResize.of(configuration.mask_resizer)
        SkinFusion.of(configuration.skin_classes)
        return configuration

    @classmethod
    def recorded(cls, values: dict[str, Any]) -> "BuildConfiguration":
        """From what a build recorded, as it spelt it; a setting that it did not have yet is what that build did."""
        if "detector" not in values:  # HOG alone, and --thorough was the CNN
            values = {**values, "detector": "hog+cnn" if values.get("thorough") else "hog", "thorough": False}
        return cls._checked({"min_score": 0.0} | LATER | values)

    def normal(self) -> "BuildConfiguration":
        """The one spelling of what can be said in several: shares, the recipe's own `expand`, a threshold, the order of classes."""
        return self.model_copy(
            update={
                "split": str(Shares.of(self.split) or self.split),
                "detector": self.detector if self.landmarks == "dlib" else DEFAULT_DETECTOR,
                "expand": None if self.expand == RECIPES[self.crop][1] else self.expand,
                "mask_resizer": str(MaskResize.of(self.mask_resizer)),
                "skin_classes": tuple(map(str, SkinFusion.of(self.skin_classes).classes)),
            }
        )

    def filled(self, weights: Mapping[str, str], parser_settings: Mapping[str, object]) -> "BuildConfiguration":
        """With what it leaves open: the weights' hashes, and the precision that the parser runs in."""
        precision = parser_settings.get("precision", LATER["parser_precision"])
        return self.model_copy(update={"weights": dict(sorted(weights.items())), "parser_precision": precision})

    @property
    def limits(self) -> Limits:
        """Limits of decoding."""
        return Limits(self.max_bytes, self.max_pixels)

    @property
    def landmark_request(self) -> LandmarkRequest:
        """What finds faces and points."""
        return LandmarkRequest(self.landmarks, self.thorough, self.device, self.detector)

    @property
    def parser_runtimes(self) -> tuple[str, ...]:
        """Distributions that compute the parser, beside those that all records name: of int8 on a CPU, and there alone."""
        return (RUNTIME,) if self.parser_precision == "int8" and self.device == "cpu" else ()

    @property
    def runtimes(self) -> tuple[str, ...]:
        """The same of all networks."""
        return tuple(dict.fromkeys((*self.landmark_request.runtimes, *self.parser_runtimes)))

    @property
    def face_settings(self) -> FaceSettings:
        """What is chosen on the way of a photo."""
        return FaceSettings(
            limits=self.limits,
            reads_points=reads_points(self.landmarks),
            faces=self.faces,
            min_score=self.min_score,
            max_disagreement=self.max_disagreement,
            crop=CropRecipe(self.crop, self.expand, self.upright),
            max_outside=self.max_outside,
            min_side=self.min_side,
            resizer=self.resizer,
        )

    def json_text(self) -> str:
        """Canonical JSON: sorted keys, no spaces; what is hashed, stored and compared."""
        return canonical(self.model_dump(mode="json"))

    def differences(self, other: "BuildConfiguration", one_recipe: bool = False) -> list[str]:
        """`field: this → other` for every field in which two configurations differ in meaning.

        one_recipe: their recipes are equal, so that the settings in it are too, however they are spelt.
        """
        mine, theirs = (LATER | each.normal().model_dump(mode="json") for each in (self, other))
        if sorted(mine["weights"].values()) == sorted(theirs["weights"].values()):
            theirs["weights"] = mine["weights"]  # a file's name is not content
        if _typed_file(mine["split"]) or _typed_file(theirs["split"]):
            theirs["split"] = mine["split"]
        names = [name for name in mine if not (one_recipe and name in IN_RECIPE)]
        return [f"{name}: {mine[name]} → {theirs[name]}" for name in names if mine[name] != theirs[name]]


def recipe_hash(
    configuration: BuildConfiguration,
    parser_settings: dict[str, object],
    parser_weights: dict[str, str],
    versions: Mapping[str, str],
) -> str:
    """SHA-256 over what must agree between shards that are trained together: crop, resizer, sizes, parser and fusion.

    versions: of the algorithms in it (`algorithms.in_recipe`). First versions are left out: shards from before versions were
    recorded have the recipe of those made by the same algorithms today.
    """
    later = {name: version for name, version in versions.items() if version != "1"}
    return sha256_json(
        {
            "crop": configuration.crop,
            "expand": RECIPES[configuration.crop][1] if configuration.expand is None else configuration.expand,
            "resizer": configuration.resizer,
            "mask_resizer": configuration.mask_resizer,
            "sizes": list(SIZES),
            "parser": configuration.parser,
            "parser_settings": parser_settings,
            "parser_weights": sorted(parser_weights.values()),
            "skin_classes": sorted(configuration.skin_classes),
        }
        | ({"upright": True} if configuration.upright else {})
        | ({"versions": later} if later else {})
    )


def _typed_file(split: str) -> bool:
    """A file of splits as older builds recorded it, by the path that was typed; what it said stands in their plans alone."""
    return not split.startswith(FILE_RULE) and split not in ("official", "dic") and not Shares.of(split)


def _flag(location: tuple[int | str, ...]) -> str:
    return str(location[0]).replace("_", "-") if location else "config"
