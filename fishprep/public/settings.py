"""Settings of the public functions: frozen records whose fields are named as the flags, with the same defaults."""

import os
from dataclasses import dataclass
from typing import get_args

from fishprep.builds.configuration import BuildConfiguration, ParserPrecision
from fishprep.common.cores import available_cores
from fishprep.common.errors import ConfigurationError
from fishprep.decoding.decode import Limits
from fishprep.engines import LOCAL, RAY
from fishprep.faces.crop import RECIPES, UNCROPPED
from fishprep.faces.pyramid import RESIZERS as KERNELS
from fishprep.landmarks import SEARCHES as _SEARCHES
from fishprep.parsing.base import DEFAULT_PARSER
from fishprep.parsing.classes import ClassOrder
from fishprep.parsing.given import GIVEN
from fishprep.shards.schema import HR_SIZE
from fishprep.sources import KINDS

StrPath = str | os.PathLike[str]

SOURCES = KINDS
CROPS = tuple(RECIPES)
SEARCHES = _SEARCHES
RESIZERS = tuple(KERNELS)
PRECISIONS = get_args(ParserPrecision)
ENGINES = (LOCAL, RAY)

_USUAL = BuildConfiguration()
_LIMITS = Limits()


@dataclass(frozen=True)
class BuildSettings:
    """What `plan` and `build` can be told; `docs/building.md` explains each.

    None leaves a choice to the crop recipe (`expand`), the parser's weights (`parser_size`), the files beside the photos
    (`points`), the cache (`weights_dir`). device: `auto`, `cpu`, `cuda`, `cuda:N`.
    workers: processes; by default one for each core that the system lets this one use.
    """

    source: str = "auto"
    list: StrPath | None = None
    points: StrPath | None = None
    masks: StrPath | None = None
    wild: bool = False
    licence: str = ""
    follow_links: bool = False
    split: str = _USUAL.split
    seed: int = _USUAL.seed

    landmarks: str = _USUAL.landmarks
    detector: str = _USUAL.detector
    thorough: bool = _USUAL.thorough
    faces: str = _USUAL.faces
    min_score: float = _USUAL.min_score
    max_disagreement: float = _USUAL.max_disagreement

    crop: str = _USUAL.crop
    expand: float | None = None
    upright: bool = _USUAL.upright
    max_outside: float = _USUAL.max_outside
    min_side: int = _USUAL.min_side
    resizer: str = _USUAL.resizer
    mask_resizer: str = _USUAL.mask_resizer

    parser: str = _USUAL.parser
    parser_size: int | None = None
    parser_precision: str | None = _USUAL.parser_precision
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    skin_classes: tuple[str, ...] = _USUAL.skin_classes
    keep_classes: bool = _USUAL.keep_classes
    shard_size: int = _USUAL.shard_size

    max_bytes: int = _USUAL.max_bytes
    max_pixels: int = _USUAL.max_pixels
    max_seconds: float = _USUAL.max_seconds

    device: str = "auto"
    threads: int = _USUAL.threads
    workers: int = available_cores()


_BUILD = BuildSettings()
MASK_KINDS = tuple(name.removeprefix("masks-").replace("masks", str(ClassOrder.CELEBAMASK)) for name in GIVEN)
"""What masks hold: classes numbered as in CelebAMask-HQ or by facexlib, or skin alone."""


@dataclass(frozen=True)
class ImportSettings:
    """What `import_faces` can be told.

    masks: a folder with a mask for each face, at the face's path with `.png`; None has `parser` make the maps. mask_kind: one of
    `MASK_KINDS`. points: 68 points as in `BuildSettings`; None has them fitted. The rest as there.
    """

    masks: StrPath | None = None
    mask_kind: str = MASK_KINDS[0]
    points: StrPath | None = None
    parser: str = _BUILD.parser
    keep_classes: bool = False
    split: str = _BUILD.split
    seed: int = _BUILD.seed
    licence: str = ""
    follow_links: bool = False
    resizer: str = _BUILD.resizer
    mask_resizer: str = _BUILD.mask_resizer
    min_side: int = HR_SIZE
    shard_size: int = _BUILD.shard_size
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    device: str = _BUILD.device
    threads: int = _BUILD.threads
    workers: int = _BUILD.workers

    def as_build(self) -> BuildSettings:
        """The build that it is: the pictures as they are, no face searched for."""
        return BuildSettings(
            source="folder",
            masks=self.masks,
            points=self.points,
            parser=self.parser if self.masks is None else _given(self.mask_kind),
            landmarks="aligned" if self.points is None else "annotation",
            crop=UNCROPPED,
            keep_classes=self.keep_classes,
            split=self.split,
            seed=self.seed,
            licence=self.licence,
            follow_links=self.follow_links,
            resizer=self.resizer,
            mask_resizer=self.mask_resizer,
            min_side=self.min_side,
            shard_size=self.shard_size,
            parser_weights=self.parser_weights,
            weights_dir=self.weights_dir,
            device=self.device,
            threads=self.threads,
            workers=self.workers,
        )


def _given(kind: str) -> str:
    """The name in the place of the parser's; another kind is refused as a parser's name is."""
    return "masks" if kind == MASK_KINDS[0] else f"masks-{kind}"


@dataclass(frozen=True)
class RetrySettings:
    """What `retry` can be told; what is None is as the build had it.

    points: a file with two eyes, or two eyes and the mouth, of each photo that is tried again; the 68 points are fitted to the face there.
    follow_links: symbolic links that leave the source too, besides what the build took. workers: processes.
    """

    landmarks: str | None = None
    detector: str | None = None
    thorough: bool | None = None
    faces: str | None = None
    min_score: float | None = None
    max_disagreement: float | None = None
    max_outside: float | None = None
    min_side: int | None = None
    max_bytes: int | None = None
    max_pixels: int | None = None
    max_seconds: float | None = None
    device: str | None = None
    threads: int | None = None

    points: StrPath | None = None
    follow_links: bool = False
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    workers: int = available_cores()


@dataclass(frozen=True)
class RemapSettings:
    """What `remap` can be told.

    parser: None is the default of `build`, or what `masks` are. masks: a folder with a mask for each face, at the face's id with `.png`;
    mask_kind: one of `MASK_KINDS`. skin_classes, mask_resizer, keep_classes: None is as the build has it. follow_links: of masks.
    """

    parser: str | None = None
    parser_size: int | None = None
    parser_precision: str | None = _USUAL.parser_precision
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    masks: StrPath | None = None
    mask_kind: str = MASK_KINDS[0]
    skin_classes: tuple[str, ...] | None = None
    mask_resizer: str | None = None
    keep_classes: bool | None = None
    follow_links: bool = False
    device: str = _BUILD.device
    threads: int = _BUILD.threads
    workers: int = _BUILD.workers

    @property
    def named_parser(self) -> str:
        """The parser, or the name in the place of one. ConfigurationError where two are named."""
        if self.masks is None:
            return _BUILD.parser if self.parser is None else self.parser
        if self.parser is not None:
            raise ConfigurationError("--masks and --parser: maps are given, or made; name one of the two")
        return _given(self.mask_kind)


@dataclass(frozen=True)
class ParseSettings:
    """What `parse` can be told. classes: the numbering in the PNGs, `celebamask` or `facexlib`. threads: None is torch's choice."""

    classes: str = "celebamask"
    parser: str = DEFAULT_PARSER
    skin_classes: tuple[str, ...] = ("skin",)
    parser_size: int | None = None
    parser_precision: str | None = _USUAL.parser_precision
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    device: str = "auto"
    threads: int | None = None
    max_bytes: int = _LIMITS.max_bytes
    max_pixels: int = _LIMITS.max_pixels
    follow_links: bool = False


@dataclass(frozen=True)
class ParserTrainingSettings:
    """What `train_parser` can be told; `docs/parsing.md` explains each.

    classes: numbering of the masks: `celebamask`, `facexlib`, `lapa`, or the names of the classes 0, 1, 2 ... with commas.
    network: `bisenet` (facexlib's) or `compact` (for 128² crops). init: weights to begin with. parsed: folders of finished builds with
    classes, whose training faces are trained on too, as `parsed_share` of each batch. size: of the network's input; None is 256 for
    `bisenet`, 160 for `compact`. dice: weight of the Dice loss. precision: `auto`, `float32`, `bfloat16`. threads: that draw views;
    the result does not depend on it. max_minutes: save and stop then.
    """

    classes: str = "celebamask"
    network: str = "bisenet"
    init: StrPath | None = None
    parsed: tuple[StrPath, ...] = ()
    parsed_share: float = 0.6
    size: int | None = None
    steps: int = 10_000
    batch: int = 16
    lr: float = 1e-3
    dice: float = 0.0
    ema: float = 0.998
    rare: float = 0.2
    crops: float = 0.6
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 1
    validate_every: int = 500
    max_minutes: float | None = None
    licence: str = ""


@dataclass(frozen=True)
class ParserEvaluationSettings:
    """What `evaluate_parser` can be told. split: faces that are named in SPLIT.txt, or of CelebA's split. size, precision: None is
    what the weights were made for. threads: None is torch's choice."""

    split: str = "val"
    classes: str = "celebamask"
    size: int | None = None
    device: str = "auto"
    precision: str | None = None
    threads: int | None = None


@dataclass(frozen=True)
class ExtendSettings:
    """What `extend` can be told: where photos are, and nothing of how shards are made, which is as the build made its own.

    source, list, points, masks, wild, licence, follow_links: of a second source, as in `BuildSettings`; of the build's own they are as
    recorded where nothing is given. prefix: a word that goes before the names of the photos. split: a file of splits, of a build that
    was split by one. workers: processes.
    """

    source: str | None = None
    list: StrPath | None = None
    points: StrPath | None = None
    masks: StrPath | None = None
    wild: bool | None = None
    licence: str | None = None
    follow_links: bool | None = None
    prefix: str = ""
    split: StrPath | None = None
    parser_weights: StrPath | None = None
    weights_dir: StrPath | None = None
    workers: int = available_cores()
