"""`fishprep.diff`: what two builds differ in."""

from dataclasses import dataclass
from pathlib import Path

from fishprep.builds.folder import BuildFolder
from fishprep.common.errors import BuildError
from fishprep.common.files import write_text
from fishprep.common.progress import TellCount
from fishprep.diffs.faces import FaceDiffs, compare_faces
from fishprep.diffs.page import Spread, render_diff, spreads
from fishprep.diffs.records import RecordDiff, compare_records, read_records
from fishprep.public.settings import StrPath
from fishprep.storage.named import located


@dataclass(frozen=True)
class DiffResult:
    """records: settings and fates. faces: those that both have. photos: of each build. page: where it was written, None where nowhere."""

    records: RecordDiff
    faces: FaceDiffs
    photos: tuple[int, int]
    page: Path | None

    @property
    def differ(self) -> bool:
        """Whether anything does: settings, photos or faces."""
        records = self.records
        return bool(records.settings or records.lost or records.gained or records.moved or not self.faces.equal.all())

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """How far faces are apart, over those that are not the same to the byte."""
        return spreads(self.faces)


def diff(
    one: StrPath, other: StrPath, html: StrPath | None = None, *, progress: TellCount = lambda done, total: None
) -> DiffResult:
    """Compare two finished builds, folders or buckets: settings and versions, photos that only one of them has or whose split or
    status is another, and of the faces that both have how far crop, points, skin map and pixels are apart.

    html: where to write a page with the largest differences. progress: gets faces done, and all. The builds are only read. Memory
    grows with the number of photos, 1.4 KB each. Raises BuildError where one is not finished, damaged, or the page cannot
    be written, ShardError where a shard cannot be read.
    """
    folders = BuildFolder.at(located(one)), BuildFolder.at(located(other))
    records = read_records(folders[0]), read_records(folders[1])
    found = compare_records(*records)
    faces = compare_faces(folders, records, found.both, progress)
    page = None if html is None else Path(html)
    if page is not None:
        try:
            write_text(page, render_diff(folders, records, found, faces))
        except OSError as error:
            raise BuildError(f"{page}: cannot be written: {error.strerror or error}") from error
    return DiffResult(found, faces, (len(records[0].photos), len(records[1].photos)), page)
