"""A note in a bucket that somebody is at work in it: a courtesy, as nothing that is right hangs on it."""

import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

LEASE = ".at-work"
RENEWED_EVERY = 30.0
STALE_AFTER = 100.0
"""Seconds: a note that was not renewed for so long is of a command that was killed."""


class Noted(Protocol):
    """What stands as the note."""

    @property
    def modified(self) -> datetime:
        """When it was put, by the clock of the server."""

    @property
    def writer(self) -> str | None:
        """Who put it."""


class NoteBoard(Protocol):
    """Where the note is left."""

    def standing(self, name: str) -> Noted | None:
        """What stands under a name."""

    def read(self, name: str) -> bytes:
        """Its bytes."""

    def note(self, name: str, data: bytes, writer: str) -> None:
        """Put it, whatever stands there."""

    def delete(self, *names: str) -> None:
        """Remove it."""


@contextmanager
def held(board: NoteBoard, writer: str) -> Iterator[None]:
    """Leave a note while the block lasts, after a look at that of somebody else; the log tells of one that is not stale."""
    before = board.standing(LEASE)
    who = _who(board) if before is not None else ""
    note = json.dumps({"host": socket.gethostname(), "process": os.getpid()}).encode()
    board.note(LEASE, note, writer)
    now = board.standing(LEASE)
    if before is not None and now is not None and (now.modified - before.modified).total_seconds() < STALE_AFTER:
        logging.getLogger(__name__).warning(
            "%s: another command is at work in it, or was until a moment ago (%s); what both do is done twice, never mixed",
            board,
            who,
        )
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(board, note, writer, ended), name="lease", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        with suppress(OSError):
            last = board.standing(LEASE)
            if last is not None and last.writer == writer:
                board.delete(LEASE)


def _renew(board: NoteBoard, note: bytes, writer: str, ended: threading.Event) -> None:
    while not ended.wait(RENEWED_EVERY):
        with suppress(OSError):  # the next one may get through
            board.note(LEASE, note, writer)


def _who(board: NoteBoard) -> str:
    try:
        said = json.loads(board.read(LEASE))
        return f"process {said['process']} on {said['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "nobody knows which"
