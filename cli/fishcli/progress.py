"""Progress on stderr: a live line on a terminal, a plain line now and then elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType

from fishcli.common import time_text
from fishprep.build import Progress

LIVE_EVERY, PLAIN_EVERY = 0.2, 10.0


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
    _shown: float = 0.0
    _live: bool = field(default_factory=lambda: sys.stderr.isatty())

    def __call__(self, news: object) -> None:
        """Take news of a build."""
        assert isinstance(news, Progress)
        if news.hashed:
            self._show(f"reading {news.hashed:,} / {self.total:,} photos", last=news.hashed == self.total)
            return
        if self._start is None:  # the first news tells what stands already
            self._start, self._done = time.monotonic(), news.photos
            if news.photos:
                self._show(f"{news.photos:,} / {self.total:,} photos are done already", last=True)
            return
        self._done += news.photos
        self._now += news.photos
        self._kept += news.kept
        self._dropped += news.dropped
        self._show(self._line(), last=self._done == self.total)

    def __enter__(self) -> "BuildProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live and not self.quiet and self._shown:
            sys.stderr.write("\n" if kind else "\r\x1b[K")
            sys.stderr.flush()

    def _line(self) -> str:
        spent = time.monotonic() - (self._start or 0.0)
        rate = self._now / spent if spent > 0 else 0.0
        left = f", {time_text((self.total - self._done) / rate)} left" if rate and self._done < self.total else ""
        return (
            f"{self._done:,} / {self.total:,} photos, {self._kept:,} kept, {self._dropped:,} dropped, "
            f"{rate:.1f} photos/s{left}"
        )

    def _show(self, text: str, last: bool) -> None:
        if self.quiet:
            return
        now = time.monotonic()
        if not last and now - self._shown < (LIVE_EVERY if self._live else PLAIN_EVERY):
            return
        self._shown = now
        sys.stderr.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        sys.stderr.flush()
