"""`fishprep.report`: a build as one HTML page."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals, totals_of
from fishprep.builds.names import REPORT
from fishprep.public.settings import StrPath
from fishprep.reports import ReportSettings, write_report


@dataclass(frozen=True)
class ReportResult:
    """The page that was written, its size in bytes, and the totals of the build."""

    path: Path
    bytes: int
    totals: Totals


def report(out: StrPath, html: StrPath | None = None, *, seed: int = 0) -> ReportResult:
    """Show the finished build in `out` as one HTML page that needs no network, at `html` (`out`/report.html).

    seed: of the samples that are shown. Raises BuildError where the build is not finished, its tables are damaged or the page
    cannot be written, ShardError where a shard cannot be read.
    """
    folder = Path(out)
    path = folder / REPORT if html is None else Path(html)
    write_report(folder, path, ReportSettings(seed=seed))
    return ReportResult(path, path.stat().st_size, totals_of(BuildFolder.at(folder).manifest()))
