"""`fishprep.report`: a build as one HTML page."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals, totals_of
from fishprep.builds.names import REPORT
from fishprep.common.errors import ConfigurationError
from fishprep.public.settings import StrPath
from fishprep.reports import ReportSettings, write_report
from fishprep.storage.named import located


@dataclass(frozen=True)
class ReportResult:
    """The page that was written (a url where it is in a bucket), its size in bytes, and the totals of the whole build."""

    path: Path | str
    bytes: int
    totals: Totals


def report(out: StrPath, html: StrPath | None = None, *, where: str | None = None, seed: int = 0) -> ReportResult:
    """Show the finished build in `out`, a folder or a bucket, as one HTML page that needs no network, at `html`
    (`out`/report.html, in the bucket too).

    where: a condition on the rows (`blur > 40`, as in `rows`); the page is of those alone of which it is true, so it needs an `html`.
    seed: of the samples that are shown. Raises ConfigurationError for a condition that does not fit, or chooses nothing, BuildError
    where the build is not finished, its tables are damaged or the page cannot be written, ShardError where a shard cannot be read.
    """
    if where is not None and html is None:
        raise ConfigurationError(
            "--where: a report on some rows is not the build's own: say by --html where it is to be written"
        )
    place = located(out)
    folder = BuildFolder.at(place)
    path = None if html is None else Path(html)
    write_report(place, path, ReportSettings(seed=seed, where=where))
    size = folder.storage.size(REPORT) if path is None else path.stat().st_size
    written = path or (place / REPORT if isinstance(place, Path) else folder.where(REPORT))
    return ReportResult(written, size or 0, totals_of(folder.manifest()))
