"""News of a plan, a build or a retry on stderr: a live line on a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

import click

import fishprep
from fishcli.common import ProgressLine, time_text
from fishprep.common.names import printable
from fishprep.common.words import counted


def say_what_runs(planned: "fishprep.Planned", workers: int, runs_on: str = "") -> None:
    """What a build takes and does, what it leaves out, and what deserves a note."""
    chosen = planned.configuration
    precision = f" in {chosen['parser_precision']}" if "parser_precision" in chosen else ""
    upright = ", upright" if chosen.get("upright") else ""
    splits = ", ".join(f"{count:,} {split}" for split, count in planned.photos.items())
    click.echo(
        f"{chosen['source']}: {splits} | landmarks {chosen['landmarks']} | crop {chosen['crop']} x{planned.expand:g}{upright} | "
        f"{chosen['resizer']} | parser {chosen['parser']}{precision} | {chosen['device']}, {counted(workers, 'worker')} x "
        f"{counted(chosen['threads'], 'thread')}{runs_on}",
        err=True,
    )
    if planned.left_out:
        click.echo(f"left out: {printable(', '.join(map(str, planned.left_out)))}", err=True)
    for note in planned.notes:
        click.echo(f"note: {note}", err=True)


class BuildProgress:
    """Says what runs, and counts photos done, with rate and time left. `quiet` prints nothing.

    workers: None says nothing of what runs; runs_on: where, if not here. begin: called when all is checked, and the work begins.
    """

    def __init__(
        self,
        workers: int | None = None,
        begin: Callable[[], None] = lambda: None,
        quiet: bool = False,
        runs_on: str = "",
    ) -> None:
        self._workers, self._begin, self._quiet, self._runs_on = workers, begin, quiet, runs_on
        self._comparing, self._line = ProgressLine(quiet), ProgressLine(quiet)
        self._total = self._done = self._now = self._kept = self._dropped = 0
        self._start: float | None = None

    def __call__(self, news: "fishprep.News") -> None:
        """Take news."""
        if isinstance(news, fishprep.Compared):
            text = f"looking for near-duplicates: {news.done:,} / {news.total:,} photos"
            self._comparing.show(text, last=news.done == news.total)
        elif isinstance(news, fishprep.Progress):
            self._count(news)
        else:
            if isinstance(news, fishprep.Planned) and self._workers is not None and not self._quiet:
                say_what_runs(news, self._workers, self._runs_on)
            self._total = news.total
            self._begin()

    def _count(self, news: "fishprep.Progress") -> None:
        if news.looked_at:
            self._line.show(
                f"looking at {news.looked_at:,} / {self._total:,} photos", last=news.looked_at == self._total
            )
            return
        if self._start is None:  # the first news tells what stands already
            self._start, self._done = time.monotonic(), news.photos
            if news.photos:
                self._line.show(f"{news.photos:,} / {self._total:,} photos are done already", last=True)
            return
        self._done += news.photos
        self._now += news.photos
        self._kept += news.kept
        self._dropped += news.dropped
        self._line.show(self._text(), last=self._done == self._total)

    def __enter__(self) -> "BuildProgress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.close(keep=kind is not None)

    def _text(self) -> str:
        spent = time.monotonic() - (self._start or 0.0)
        rate = self._now / spent if spent > 0 else 0.0
        left = f", {time_text((self._total - self._done) / rate)} left" if rate and self._done < self._total else ""
        return (
            f"{self._done:,} / {self._total:,} photos, {self._kept:,} kept, {self._dropped:,} dropped, "
            f"{rate:.1f} photos/s{left}"
        )
