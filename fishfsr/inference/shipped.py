"""The trained pairs of the distribution `fishfsr-weights`: what runs where no checkpoint is named."""

from dataclasses import dataclass
from pathlib import Path

from fishfsr.errors import ConfigurationError
from fishfsr.inference.sizes import sides_served
from fishfsr.weights import EARLIER, PAIRS
from fishprep.common.errors import WeightsError
from fishprep.common.weights import WeightRecord, WeightStore
from fishprep.shards.schema import HR_SIZE

PREFIX = "fishfsr-"


SPOILED = "-wild"


@dataclass(frozen=True)
class PairFigures:
    """PSNR-Y in dB on 998 test faces of CelebA by the protocol `reference`: of a pair, and of bicubic (docs/weights.md)."""

    psnr: float
    bicubic_psnr: float


FIGURES = {
    "x2": PairFigures(37.85, 34.01),
    "x4": PairFigures(31.67, 27.86),
    "x8": PairFigures(26.93, 23.73),
    "x16": PairFigures(23.02, 20.31),
    "x4-wild": PairFigures(27.45, 25.71),
    "x8-wild": PairFigures(23.63, 22.2),
    "x4-fishfsrnet": PairFigures(31.15, 27.86),
    "x8-fishfsrnet": PairFigures(26.24, 23.73),
    "x16-fishfsrnet": PairFigures(22.56, 20.31),
}


@dataclass(frozen=True)
class ShippedModel:
    """A trained pair that comes with the project.

    name: what `fishfsr.load` takes. lr_size: pixels a side of the LR faces that it was trained on. sides: smallest and largest
    side of the crops in a photo that it takes. faces: "sharp", or "spoiled" by blur, noise and JPEG: those that it is for, and that
    psnr and bicubic_psnr are of, dB, from its card. by_itself: whether `upscale` takes it where no model is named.
    status: present, missing (the distribution is not installed) or damaged.
    """

    name: str
    scale: int
    lr_size: int
    sides: tuple[int, int]
    faces: str
    by_itself: bool
    licence: str
    psnr: float
    bicubic_psnr: float
    sha256: str
    status: str


def shipped_models(store: WeightStore | None = None) -> tuple[ShippedModel, ...]:
    """All pairs that come with the project, installed or not: those that `upscale` takes by itself, then the others. Loads none."""
    store = store or WeightStore.from_environment()
    records = _records()
    served = sides_served({_scale(_name(record)) for record in PAIRS})
    return tuple(
        ShippedModel(
            name=name,
            scale=_scale(name),
            lr_size=HR_SIZE // _scale(name),
            sides=served[_scale(name)],
            faces="spoiled" if name.endswith(SPOILED) else "sharp",
            by_itself=record in PAIRS,
            licence=record.licence,
            psnr=FIGURES[name].psnr,
            bicubic_psnr=FIGURES[name].bicubic_psnr,
            sha256=record.sha256,
            status=str(store.status(record)),
        )
        for name, record in records.items()
    )


def shipped(store: WeightStore) -> list[Path]:
    """What `upscale` takes by itself, each file's SHA-256 checked; none where the distribution is not installed.

    Raises WeightsError for a file that is missing in it or damaged.
    """
    try:
        for record in PAIRS:
            store.path(record)
    except WeightsError:
        return []
    return [store.locate(record) for record in PAIRS]


def shipped_file(name: str, store: WeightStore | None = None) -> Path:
    """The checkpoint of the pair `name`, as in `shipped_models`, its SHA-256 checked.

    Raises ConfigurationError with the names that there are, WeightsError where it is not installed, with what to type, or damaged.
    """
    records = _records()
    if name not in records:
        there = f"there are {', '.join(records)}" if records else "there is none"
        raise ConfigurationError(f"no trained pair {name!r} is shipped: {there}; a file of this name is ./{name}")
    return (store or WeightStore.from_environment()).locate(records[name])


def _records() -> dict[str, WeightRecord]:
    """Name → record."""
    return {_name(record): record for record in (*PAIRS, *EARLIER)}


def _name(record: WeightRecord) -> str:
    return record.name.removeprefix(PREFIX)


def _scale(name: str) -> int:
    return int(name.partition("-")[0].removeprefix("x"))
