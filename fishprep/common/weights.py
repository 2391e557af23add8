"""Weight files: what a record says of one, and the cache that holds them, with its rules of when the network is used.

The records stand with what loads the files.
"""

import http.client
import importlib.util
import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import platformdirs
from filelock import Timeout

from fishprep.common.errors import WeightsError
from fishprep.common.files import atomic, sha256_file
from fishprep.common.locks import file_lock
from fishprep.common.mistaken import mistaken_for

CHUNK = 1 << 20
OWN_PACKAGE = "fishfsr_weights"  # of the distribution fishfsr-weights
LARGEST = 1 << 30  # bytes taken from a server for a file whose size is not recorded


@dataclass(frozen=True, kw_only=True)
class WeightRecord:
    """One weight file: either downloaded from `url` into the cache, or lying inside the installed `package`.

    file: its name in the cache, or its path inside the package.
    sha256: of the whole file, in hexadecimal.
    size: in bytes, None where it is not known.
    licence: of the file, with the terms of the data it was trained on where they bind.
    flags: what to type to use a file that is elsewhere.
    """

    name: str
    file: str
    sha256: str
    licence: str
    purpose: str
    url: str | None = None
    package: str | None = None
    size: int | None = None
    flags: str = "--weights-dir FOLDER"

    def __post_init__(self) -> None:
        if (self.url is None) == (self.package is None):
            raise ValueError(f"weights {self.name}: exactly one of url and package says where they come from")


def find(name: str, records: Iterable[WeightRecord]) -> WeightRecord:
    """The record called `name`; WeightsError with all the names where there is none."""
    known = {record.name: record for record in records}
    if name not in known:
        raise WeightsError(f"no weights are called {name!r}: there are {', '.join(known)}")
    return known[name]


class WeightStatus(StrEnum):
    """What lies at the place of a record."""

    PRESENT = "present"
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass(frozen=True)
class WeightStore:
    """The folder that holds downloaded weights.

    offline: never touch the network.
    timeout: seconds that a server may stay silent.
    lock_timeout: seconds to wait for another process that downloads the same file.
    """

    folder: Path
    offline: bool = False
    timeout: float = 30.0
    lock_timeout: float = 1800.0

    @classmethod
    def from_environment(cls, weights_dir: Path | None = None) -> "WeightStore":
        """`weights_dir`, else $FISHFSR_CACHE_DIR, else the platform's cache; offline by HF_HUB_OFFLINE or FISHFSR_OFFLINE."""
        cache = os.environ.get("FISHFSR_CACHE_DIR")
        folder = weights_dir or (Path(cache).expanduser() if cache else platformdirs.user_cache_path("fishfsr"))
        offline = any(_is_on(os.environ.get(name)) for name in ("HF_HUB_OFFLINE", "FISHFSR_OFFLINE"))
        return cls(folder=folder, offline=offline)

    def path(self, record: WeightRecord) -> Path:
        """Where the file belongs, there or not; WeightsError where its package is not installed."""
        if record.package is None:
            return self.folder / record.file
        spec = importlib.util.find_spec(record.package)  # finds a top-level package without running it
        if spec is None or not spec.submodule_search_locations:
            raise WeightsError(
                f"weights {record.name}: the package {record.package} is not installed ({_install(record)})"
            )
        return Path(spec.submodule_search_locations[0]) / record.file

    def status(self, record: WeightRecord) -> WeightStatus:
        """Present (its hash is right), missing or damaged; nothing is downloaded."""
        try:
            path = self.path(record)
        except WeightsError:
            return WeightStatus.MISSING
        if not path.exists():
            return WeightStatus.MISSING
        try:
            return WeightStatus.PRESENT if sha256_file(path) == record.sha256 else WeightStatus.DAMAGED
        except OSError:
            return WeightStatus.DAMAGED

    def locate(self, record: WeightRecord) -> Path:
        """The file, its SHA-256 checked now, downloaded first where it is missing and the network may be used.

        WeightsError: missing and offline, the download failed, or the file that is there is not the recorded one (which
        is never used and never replaced).
        """
        path = self.path(record)
        if not path.exists():
            return self.download(record)
        _check(record, path)
        return path

    def download(self, record: WeightRecord) -> Path:
        """Fetch the file unless it is already there, and return its checked path; errors as in `locate`.

        Two processes that want the same file at once fetch it once. It gets its name only after its hash was right.
        """
        path = self.path(record)
        if path.exists():
            _check(record, path)
            return path
        if record.package is not None:
            raise WeightsError(
                f"weights {record.name}: {path} is missing; install {record.package} again"
                f" ({_install(record, '--force-reinstall ')})"
            )
        if self.offline:
            raise _unavailable(record, path, "the network is off (HF_HUB_OFFLINE or FISHFSR_OFFLINE)")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with file_lock(self.folder / f".{record.file}.lock", self.lock_timeout):
                if not path.exists():
                    with atomic(path) as temporary:
                        _fetch(record, temporary, self.timeout)
                        _check_download(record, temporary)
        except Timeout as error:
            raise _unavailable(record, path, "another process has been downloading it for too long") from error
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            raise _unavailable(record, path, f"the download failed ({_reason(error)})") from error
        _check(record, path)
        return path


def _fetch(record: WeightRecord, target: Path, timeout: float) -> None:
    """Copy the url's bytes to `target`, never more than the record allows."""
    limit = record.size if record.size is not None else LARGEST
    request = urllib.request.Request(str(record.url), headers={"User-Agent": "fishprep"})
    with urllib.request.urlopen(request, timeout=timeout) as answer, open(target, "wb") as stream:
        announced = answer.headers.get("Content-Length")
        received = 0
        while chunk := answer.read(CHUNK):
            received += len(chunk)
            if received > limit:
                raise OSError(f"the server sends more than {limit:,} bytes")
            stream.write(chunk)
    if announced is not None and received != int(announced):
        raise OSError(f"it broke off after {received:,} of {int(announced):,} bytes")


def _check_download(record: WeightRecord, temporary: Path) -> None:
    found = sha256_file(temporary)
    if found != record.sha256:
        raise WeightsError(
            f"weights {record.name}: what {record.url} sends has SHA-256 {found}, expected {record.sha256};"
            " it is not kept (a proxy or a login page may stand in between)"
        )


def _check(record: WeightRecord, path: Path) -> None:
    try:
        found = sha256_file(path)
    except OSError as error:
        raise WeightsError(f"weights {record.name}: {path} cannot be read: {_reason(error)}") from error
    if found != record.sha256:
        mend = (
            f"fishprep models download {record.name}"
            if record.package is None
            else _install(record, "--force-reinstall ")
        )
        mistaken = mistaken_for(path)
        what = mistaken or f"damaged or another file: SHA-256 {found}, expected {record.sha256}"
        raise WeightsError(f"weights {record.name}: {path} is {what}. It is not used. Delete it, then: {mend}")


def _unavailable(record: WeightRecord, path: Path, why: str) -> WeightsError:
    return WeightsError(
        f"weights {record.name} are missing: {why}.\n"
        f"  file    {path}\n"
        f"  url     {record.url}\n"
        f"  sha256  {record.sha256}\n"
        f"Put the file there, or name its place with {record.flags}."
    )


def _install(record: WeightRecord, options: str = "") -> str:
    """What to type for a record's package; our own lies in the folder `weights` of the checkout."""
    return f"pip install {options}{'./weights' if record.package == OWN_PACKAGE else record.package}"


def _reason(error: BaseException) -> str:
    """The first line of an error's own words."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        error = error.reason if isinstance(error.reason, BaseException) else error
    words = str(error).strip() or type(error).__name__
    return words.splitlines()[0][:200]


def _is_on(value: str | None) -> bool:
    return value is not None and value.strip().lower() not in ("", "0", "false", "no", "off")
