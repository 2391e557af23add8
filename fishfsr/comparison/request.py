"""A comparison that is asked for."""

from dataclasses import dataclass
from pathlib import Path

from fishfsr.comparison.paper import PaperFaces
from fishfsr.comparison.plan import ComparisonSettings


@dataclass(frozen=True)
class ComparisonRequest:
    """`shards` as `fishfsr.train` takes them, into the folder `out`.

    `init`: checkpoints, runs or shipped pairs whose ParsingNet or network of landmarks is taken. `overwrite`: begin anew where `out`
    holds a comparison. `cache`: where shards of a bucket are kept. `paper`: whose figures of the paper stand beside.
    """

    shards: tuple[str | Path, ...]
    out: Path
    settings: ComparisonSettings
    init: tuple[str | Path, ...] = ()
    overwrite: bool = False
    cache: Path | None = None
    paper: PaperFaces = "celeba"
