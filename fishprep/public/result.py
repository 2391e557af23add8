"""What a build or a retry came to."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.manifest import Totals
from fishprep.builds.run import Finished
from fishprep.builds.samples import commonest_reason
from fishprep.common.words import counted
from fishprep.storage.base import Storage


@dataclass(frozen=True)
class DropReason:
    """The commonest reason for which photos of a build gave no sample: `count` of its `rows` have the `status`; `reason` is what
    most of those say, for example of `photo`."""

    status: str
    count: int
    rows: int
    reason: str
    photo: str

    def __str__(self) -> str:
        rows = counted(self.rows, "row")
        return f"{self.count:,} of {rows} {self.status}, most often as in {self.photo!r}: {self.reason}"


@dataclass(frozen=True)
class BuildResult:
    """A finished build.

    out: the folder, or the storage that a url means. built, resumed: shards made now, and those that stood before. seconds: what each
    stage took, over all workers. nothing_kept: why, where the build has no sample; else None.
    """

    out: Path | Storage
    totals: Totals
    built: int
    resumed: int
    seconds: dict[str, float]
    nothing_kept: DropReason | None

    @classmethod
    def of(cls, out: Path | Storage, finished: Finished) -> "BuildResult":
        """Of a build that is whole."""
        reason = None if finished.totals.samples else DropReason(*commonest_reason(out))
        return cls(out, finished.totals, finished.built, finished.resumed, finished.seconds, reason)

    @property
    def dropped_share(self) -> float:
        """Of the photos, those that gave no sample; from 0 to 1."""
        return (self.totals.without_sample or 0) / max(1, self.totals.photos)

    @property
    def has_training(self) -> bool:
        """Whether there are samples to train on."""
        return "train" in self.totals.by_split

    @property
    def has_validation(self) -> bool:
        """Whether there are samples to validate a training on."""
        return "val" in self.totals.by_split

    @property
    def next_commands(self) -> tuple[tuple[str, ...], ...]:
        """What is usually done next, each command as its words; nothing where nothing was kept."""
        shards = str(self.out)
        if self.nothing_kept is not None:
            return ()
        report = ("fishprep", "report", shards)
        return (report, ("fishfsr", "train", shards, "--out", "RUN")) if self.has_training else (report,)


@dataclass(frozen=True)
class PartResult:
    """A part of a build that is whole.

    built, resumed: shards of the part made now, and those that stood before. shards: of the build; missing: of those, what other
    parts have not built yet. whole: the build, where none is missing.
    """

    out: Path | Storage
    part: str
    built: int
    resumed: int
    shards: int
    missing: int
    whole: BuildResult | None
