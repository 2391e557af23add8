"""Pictures in, restored faces and photos out: opened ahead, planned, batched over the faces of all pictures, written one by one."""

import errno
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from fishfsr.errors import ConfigurationError, FishFSRError
from fishfsr.upscaling.inputs import Input, collect
from fishfsr.upscaling.pictures import FOLDERS, Album, remove_files, remove_half_written
from fishfsr.upscaling.planning import PicturePlan, Planner
from fishfsr.upscaling.record import (
    FILE,
    JOURNAL,
    Fate,
    InputRow,
    Journal,
    Record,
    Refusal,
    read_upscale_record,
    remove_journal,
)
from fishfsr.upscaling.request import WRITTEN, UpscaleListener, UpscaleProgress, UpscaleReport, UpscaleRequest
from fishfsr.upscaling.restoring import restore
from fishfsr.upscaling.results import Result
from fishprep.common.errors import DecodeError
from fishprep.common.files import is_file
from fishprep.common.words import same_command
from fishprep.decoding.decode import Picture, decode_picture, read_file
from fishprep.sources.base import LeftOut
from fishprep.storage.base import InUseError
from fishprep.storage.folder import FolderStorage
from fishprep.storage.lock import locked

ALGORITHMS = "algorithms"
"""Among the settings: the versions of what finds the faces."""

WAITING_PIXELS = 40_000_000
"""Pixels of the pictures that wait for their batch, at most (but at least one picture): memory does not grow with the input."""

_OF_ONE_INPUT = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)
"""Errors of writing that come of an input's own name; all others would befall the next one too."""


def upscale_files(
    request: UpscaleRequest,
    planner: Planner,
    ran: Mapping[str, Any] | None = None,
    listener: UpscaleListener = lambda news: None,
) -> UpscaleReport:
    """Write `cropped_faces/`, `restored_faces/`, `restored_photos/`, `comparisons/` and `faces.json` into `request.out`.

    An input whose file cannot be used, that shows no face, or whose faces are all left alone, gets its row with the reason, and
    the rest is done. An input counts as done when all its files stand and its row is written. `ran` goes into the record.

    Raises ConfigurationError: nothing to do, the output folder is in use, or holds results of other settings; SourceError: a
    folder that cannot be listed; FishFSRError: the disk cannot be written, or the device has too little memory.
    """
    try:
        with locked(request.out):
            return _Run(request, planner, ran or {}, listener).report()
    except InUseError as error:
        raise ConfigurationError(f"{request.out}: another `fishfsr upscale` is writing into it") from error
    except OSError as error:
        raise FishFSRError(
            f"{error.filename or request.out}: {error.strerror or error}; what was finished stands, and "
            f"{same_command(request.overwrite, request.resume)} goes on from there"
        ) from error


@dataclass(frozen=True, eq=False)
class _Opened:
    """An input's picture, or its row where there are none to be had."""

    source: Input
    sha256: str = ""
    picture: Picture | None = None
    row: InputRow | None = None


class _Run:
    """One pass over the inputs."""

    def __init__(
        self, request: UpscaleRequest, planner: Planner, ran: Mapping[str, Any], listener: UpscaleListener
    ) -> None:
        self._request, self._planner, self._listener = request, planner, listener
        settings = _settings(request, planner)
        settings, earlier = _earlier(request, settings)
        kept = {} if request.overwrite else earlier
        names = {row.path: row.name for row in kept.values()}
        self._left_out: list[LeftOut] = []
        self._inputs = collect(request.inputs, request.out, request.follow_links, names, self._left_out.extend)
        for row in earlier.values() if request.overwrite else ():
            remove_files(request.out, row.files)
        if request.overwrite:
            remove_journal(request.out)
        remove_half_written(request.out)
        FolderStorage(request.out).sweep(lambda name: name == FILE)
        self._record = Record(settings, {**ran, "left_out": [asdict(each) for each in self._left_out]}, kept)
        self._done: dict[str, InputRow] = {}
        self._done_before = self._searched = 0
        self._journal: Journal

    def report(self) -> UpscaleReport:
        try:
            self._record.write(self._request.out)
            with Journal(self._request.out) as self._journal:
                self._pass()
        finally:  # Ctrl-C keeps what is done
            self._record.write(self._request.out)
        rows = tuple(self._done[source.key] for source in self._inputs)
        return UpscaleReport(rows, self._done_before, self._request.out / FILE, tuple(self._left_out))

    def _pass(self) -> None:
        waiting: list[tuple[_Opened, PicturePlan]] = []
        for opened in self._open_ahead():
            self._searched += 1
            if opened.row is not None:
                self._settle(opened.row)
                continue
            assert opened.picture is not None
            plan = self._planner.plan(opened.picture.pixels)
            self._tell()
            if not plan.count:
                self._finish([(opened, plan)])
                continue
            waiting.append((opened, plan))
            if _full([plan for _, plan in waiting], self._request.batch):
                self._finish(waiting)
                waiting = []
        self._finish(waiting)

    def _open_ahead(self) -> Iterator[_Opened]:
        """Every input, in order; the next one is read and decoded while the last one is worked on."""
        with ThreadPoolExecutor(1) as ahead:
            coming = None
            for source in self._inputs:
                following = ahead.submit(self._open, source)
                if coming is not None:
                    yield coming.result()
                coming = following
            if coming is not None:
                yield coming.result()

    def _open(self, source: Input) -> _Opened:
        if source.problem is not None:
            return _Opened(source, row=_refused(source, str(source.problem.status), source.problem.reason))
        sha256 = ""
        try:
            data = read_file(source.path, self._request.limits)
            sha256 = hashlib.sha256(data).hexdigest()
            earlier = self._record.rows.get(source.key)
            if earlier is not None and self._stands(earlier, sha256):
                self._done_before += 1
                return _Opened(source, sha256, row=earlier)
            return _Opened(source, sha256, decode_picture(data, self._request.limits))
        except DecodeError as error:
            return _Opened(source, sha256, row=_refused(source, str(error.status), error.reason, sha256))

    def _stands(self, earlier: InputRow, sha256: str) -> bool:
        whole = all(is_file(self._request.out / file) for file in earlier.files)
        return earlier.status in WRITTEN and earlier.sha256 == sha256 and whole

    def _finish(self, waiting: Sequence[tuple[_Opened, PicturePlan]]) -> None:
        restored = restore([plan for _, plan in waiting], self._request.batch)
        for (opened, plan), faces in zip(waiting, restored, strict=True):
            assert opened.picture is not None
            largest = self._planner.models.largest_scale
            self._settle(self._written(opened, Result(opened.picture, plan, faces, largest)))

    def _written(self, opened: _Opened, result: Result) -> InputRow:
        """Write an input's pictures; its row."""
        album = Album(self._request.out, opened.source.name, self._request.format)
        notes: tuple[str, ...] = ()
        problem = result.problem(self._request.size, self._request.format)
        if problem is None:
            try:
                notes = result.save(album, self._request.size)
            except OSError as error:
                album.remove()
                if error.errno not in _OF_ONE_INPUT:
                    raise
                problem = Refusal(Fate.FAILED, f"its results cannot be written: {error.strerror}")
        return result.row(opened.source, opened.sha256, problem, self._request.size, tuple(album.files), notes)

    def _settle(self, row: InputRow) -> None:
        earlier = self._record.rows.get(row.path)
        if earlier is not None:  # the input has changed since, or has no results any more
            remove_files(self._request.out, set(earlier.files) - set(row.files))
        self._done[row.path] = self._record.rows[row.path] = row
        if row is not earlier:
            self._journal.add(row)
        self._tell(row)

    def _tell(self, row: InputRow | None = None) -> None:
        self._listener(UpscaleProgress(self._searched, len(self._done), len(self._inputs), row))


def _refused(source: Input, status: str, reason: str, sha256: str = "") -> InputRow:
    return InputRow(source.key, source.name, status, reason, sha256=sha256)


def _full(plans: Sequence[PicturePlan], batch: int) -> bool:
    return sum(plan.count for plan in plans) >= batch or sum(plan.image.size // 3 for plan in plans) >= WAITING_PIXELS


def _settings(request: UpscaleRequest, planner: Planner) -> dict[str, Any]:
    """What decides the results: a folder holds those of one such record."""
    finder = planner.finder
    return {
        "kind": str(planner.kind or "guess"),
        "outscale": request.size.outscale,
        "force": planner.force,
        "models": planner.models.to_dict(),
        "recipe": planner.models.recipe.to_dict(),
        "faces": "as they are",  # earlier ones were brought to the LR size
        "landmarks": finder and {"backend": finder.backend.name, "weights": finder.backend.weights},
        "search": finder and finder.search.recorded(),
        ALGORITHMS: finder and finder.versions,
        **({"keep_all": True} if request.size.keep_all else {}),
        **({"format": asdict(request.format)} if request.format.name != "png" else {}),
    }


def _earlier(request: UpscaleRequest, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, InputRow]]:
    """What the folder's record says of settings from now on, and the rows of earlier runs into it.

    ConfigurationError where their results do not go with this run's. In a folder of before versions were recorded nothing says what
    found its faces, nor will it.
    """
    record = read_upscale_record(request.out)
    if record is None:
        if strays := [name for name in (*FOLDERS, JOURNAL) if (request.out / name).exists()]:
            raise ConfigurationError(f"{request.out}: holds {strays[0]}, but no {FILE}; take another folder")
        return settings, {}
    if request.overwrite:
        return settings, record.rows
    if not request.resume:
        raise ConfigurationError(f"{request.out}: holds results already; --resume goes on, --overwrite starts again")
    if ALGORITHMS not in record.settings:
        settings = {name: value for name, value in settings.items() if name != ALGORITHMS}
    if changed := record.differences(settings):
        raise ConfigurationError(
            f"{request.out}: holds results of other settings ({'; '.join(changed)}); take another folder, or --overwrite"
        )
    return settings, record.rows
