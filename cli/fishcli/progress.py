"""Progress on stderr: a live line on a terminal, a plain line now and then elsewhere."""

import time
from dataclasses import dataclass, field
from types import TracebackType

from fishcli.common import ProgressLine, time_text
from fishprep.common.progress import Progress


@dataclass
class BuildProgress:
    """Counts photos done, with rate and time left. `quiet` prints nothing."""

    total: int
    quiet: bool = False
    _done: int = 0
    _now: int = 0
    _kept: int = 0
    _dropped: int = 0
    _start: float | None = None
    _line: ProgressLine = field(init=False)

    def __post_init__(self) -> None:
        self._line = ProgressLine(self.quiet)

    def __call__(self, news: object) -> None:
        """Take news of a build."""
        assert isinstance(news, Progress)
        if news.hashed:
            self._line.show(f"reading {news.hashed:,} / {self.total:,} photos", last=news.hashed == self.total)
            return
        if self._start is None:  # the first news tells what stands already
            self._start, self._done = time.monotonic(), news.photos
            if news.photos:
                self._line.show(f"{news.photos:,} / {self.total:,} photos are done already", last=True)
            return
        self._done += news.photos
        self._now += news.photos
        self._kept += news.kept
        self._dropped += news.dropped
        self._line.show(self._text(), last=self._done == self.total)

    def __enter__(self) -> "BuildProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close(keep=kind is not None)

    def _text(self) -> str:
        spent = time.monotonic() - (self._start or 0.0)
        rate = self._now / spent if spent > 0 else 0.0
        left = f", {time_text((self.total - self._done) / rate)} left" if rate and self._done < self.total else ""
        return (
            f"{self._done:,} / {self.total:,} photos, {self._kept:,} kept, {self._dropped:,} dropped, "
            f"{rate:.1f} photos/s{left}"
        )
