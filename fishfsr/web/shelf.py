"""Files of results for the browser: one folder a run, under a name that cannot be guessed, taken away after a while."""

import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TICKET_BYTES = 18


@dataclass(frozen=True)
class Slot:
    """The folder of one run. ticket: the name that it is asked for by."""

    ticket: str
    folder: Path

    def address(self, name: str) -> str:
        """Of a file in it, relative to the page."""
        return f"results/{self.ticket}/{name}"


class Shelf:
    """Slots below a folder. keep: seconds for which one stands. disk: bytes of all; beyond it the oldest go first."""

    def __init__(self, folder: Path, keep: float, disk: int) -> None:
        self.folder, self._keep, self._disk = folder, keep, disk
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def slot(self) -> Slot:
        """A new one, empty."""
        ticket = secrets.token_urlsafe(TICKET_BYTES)
        slot = Slot(ticket, self.folder / ticket)
        slot.folder.mkdir()
        return slot

    def find(self, ticket: str, name: str) -> Path | None:
        """The file `name` of a slot; None where there is no such file, or the words lead elsewhere."""
        if (
            not ticket
            or not name
            or {ticket, name} & {".", ".."}
            or any(set(word) & set("/\\\0") for word in (ticket, name))
        ):
            return None
        path = self.folder / ticket / name
        return path if path.is_file() and not path.is_symlink() else None

    def tidy(self, now: float | None = None) -> None:
        """Take away slots that have stood long enough, and the oldest while all together are too large."""
        with self._lock:
            slots = sorted(((folder.stat().st_mtime, folder) for folder in self.folder.iterdir()), reverse=True)
            total = 0
            for made, folder in slots:
                total += weight(folder)
                if (now or time.time()) - made > self._keep or total > self._disk:
                    shutil.rmtree(folder, ignore_errors=True)


def weight(folder: Path) -> int:
    """Bytes of the files below a folder."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:  # taken away meanwhile
            continue
    return total
