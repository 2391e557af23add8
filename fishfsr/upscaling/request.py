"""What a run over files is asked for, and what it tells: news as it goes on, a report in the end."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.pictures import PictureFormat
from fishfsr.upscaling.record import Fate, InputRow
from fishfsr.upscaling.results import PhotoSize
from fishprep.decoding.decode import Limits
from fishprep.sources.base import LeftOut

WRITTEN = (Fate.OK, Fate.ENLARGED)
"""Of an input whose results were written."""


@dataclass(frozen=True)
class UpscaleRequest:
    """What to restore and where to.

    inputs: files and folders. size: of restored photos. format: of all pictures. batch: faces in one call of a model.
    resume: pass over inputs that are done and have not changed; without it, an output folder with results is refused.
    overwrite: take away earlier results first.
    """

    inputs: tuple[Path, ...]
    out: Path
    size: PhotoSize = field(default_factory=PhotoSize)
    format: PictureFormat = field(default_factory=PictureFormat)
    limits: Limits = field(default_factory=Limits)
    batch: int = 32
    follow_links: bool = False
    resume: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ConfigurationError(f"batch = {self.batch}: at least one face")


@dataclass(frozen=True)
class UpscaleReport:
    """What became of a run. rows: of this run's inputs, by path. done_before: inputs passed over, as their results stand.

    left_out: files in the folders given that are no inputs: GIF, HEIC and other formats, thumbnails, waste bins.
    """

    rows: tuple[InputRow, ...]
    done_before: int
    table: Path
    left_out: tuple[LeftOut, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Inputs per status."""
        return dict(Counter(row.status for row in self.rows))

    @property
    def restored(self) -> int:
        """Faces restored, those of `done_before` included."""
        return sum(row.restored for row in self.rows)

    @property
    def failed(self) -> int:
        """Inputs of which nothing was written."""
        return sum(row.status not in WRITTEN for row in self.rows)


@dataclass(frozen=True)
class UpscaleProgress:
    """News of a run: inputs opened and searched, inputs done, of how many; the `row` of one that has just been done."""

    searched: int
    done: int
    total: int
    row: InputRow | None = None


UpscaleListener = Callable[[UpscaleProgress], None]
