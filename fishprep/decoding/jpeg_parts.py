"""What a JPEG consists of, as far as its pixels and their keeping depend on it."""

from dataclasses import dataclass, field
from math import ceil

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status

SEQUENTIAL, PROGRESSIVE, ARITHMETIC = (0xC0, 0xC1), 0xC2, (0xC9, 0xCA)
"""Markers of frames, by how their data are coded."""


@dataclass(frozen=True)
class Component:
    """A colour of the frame; across, down: blocks of it in a unit. quantised: number of its table."""

    name: int
    across: int
    down: int
    quantised: int


@dataclass(frozen=True)
class Frame:
    """What the header says of the pixels. kind: the marker (0xC0 ...)."""

    kind: int
    bits: int
    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def progressive(self) -> bool:
        return self.kind == PROGRESSIVE

    @property
    def units(self) -> int:
        """Units of a scan of several colours."""
        across, down = self._most
        return ceil(self.width / (8 * across)) * ceil(self.height / (8 * down))

    def blocks(self, component: Component) -> int:
        """Blocks of a scan of this colour alone."""
        across, down = self._most
        width, height = ceil(self.width * component.across / across), ceil(self.height * component.down / down)
        return ceil(width / 8) * ceil(height / 8)

    @property
    def _most(self) -> tuple[int, int]:
        return max(c.across for c in self.components), max(c.down for c in self.components)


@dataclass(frozen=True)
class Scan:
    """One pass over the picture. tables: for each of its colours those of DC and AC, as in their segments.

    most: the largest DC value of each colour. first, last: coefficients; refining: adds a bit to what earlier scans brought.
    interval: units between restarts, 0 for none. start, end: of its data in the file.
    """

    components: tuple[Component, ...]
    tables: tuple[tuple[bytes | None, bytes | None], ...]
    most: tuple[int, ...]
    first: int
    last: int
    refining: bool
    interval: int
    start: int
    end: int


@dataclass
class Jpeg:
    """The first picture of a file. codec: its bytes without what no pixel depends on."""

    frame: Frame | None = None
    scans: list[Scan] = field(default_factory=list)
    codec: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    icc: bytes = b""
    icc_problem: str = ""
    dpi: tuple[float, float] | None = None


def damaged(what: str) -> DecodeError:
    """The error for data that are not whole."""
    return DecodeError(Status.UNDECODABLE, f"damaged JPEG: {what}")
