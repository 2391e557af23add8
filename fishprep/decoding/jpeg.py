"""A JPEG taken apart: what makes its pixels, and what is said of them."""

import re
import struct
from copy import copy
from dataclasses import replace
from functools import lru_cache

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.decoding.jpeg_parts import Component, Frame, Jpeg, Scan, damaged

MOST_SCANS = 64
"""A scan of a few bytes costs a pass over the whole picture; encoders write about ten, none that is known more than twenty."""

EOI, SOS, DQT, DHT, DRI, TEM = 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0x01
_LONGEST_HEAD = 1 << 16  # bytes before the first scan that are kept in mind

LARGEST_DC = 1280
"""A quarter more than black and white have (eight times the half range of the samples)."""

APP0, APP1, APP2, COM = 0xE0, 0xE1, 0xE2, 0xFE
RESTARTS = range(0xD0, 0xD8)
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}

_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, COM})
"""Segments that no pixel depends on; the codec does not get to see them."""

_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_FILLING = re.compile(rb"\x00*\xff*(?=\xff)")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff]")
_NEXT_BUT_RESTARTS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def take_apart(data: bytes) -> Jpeg:
    """The segments of a file up to the end of its first picture; what follows is nobody's.

    DecodeError: `undecodable` where they do not fit together, `too_large` for more than `MOST_SCANS` scans.
    """
    start = data.find(b"\xff\xda")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    begun = _begun(data[:end]) if start > 0 and end <= _LONGEST_HEAD else None
    reader = _Reader(data) if begun is None else begun.on(data)
    return reader.read()


@lru_cache(4)
def _begun(head: bytes) -> "_Reader | None":
    """A reader that has come to the first scan; photos of one maker have one head, which need not be read again.

    None where no scan begins there.
    """
    reader = _Reader(head)
    try:
        while (marker := reader.step()) not in (SOS, EOI):
            pass
    except DecodeError:
        return None
    return reader if marker == SOS else None


class _Reader:
    """Goes through the segments once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 2
        self._jpeg = Jpeg()
        self._kept: list[bytes] = [b"\xff\xd8"]
        self._tables: dict[int, bytes] = {}
        self._steps: dict[int, int] = {}
        self._interval = 0
        self._icc: dict[int, bytes] = {}
        self._icc_count = 0
        self._body: bytes | None = None  # of the header of the scan that comes next

    def on(self, data: bytes) -> "_Reader":
        """A copy that goes on in `data`, which begins with what this one has read."""
        reader = copy(self)
        reader._data = data
        reader._jpeg, reader._kept = replace(self._jpeg, scans=[]), self._kept.copy()
        reader._tables, reader._steps, reader._icc = self._tables.copy(), self._steps.copy(), self._icc.copy()
        if self._body is not None:
            reader._take(SOS, self._body)
        return reader

    def step(self) -> int:
        """Read the next segment, of a scan only the header; its marker."""
        marker = self._marker()
        if marker in (EOI, TEM) or marker in RESTARTS:
            return marker
        start, body = self._at - 2, self._segment()
        if marker not in _METADATA:
            self._kept.append(self._data[start : self._at])
        self._body = body if marker == SOS else None
        if marker != SOS:
            self._take(marker, body)
        return marker

    def read(self) -> Jpeg:
        """To the end of the picture."""
        while (marker := self.step()) != EOI:
            if marker == SOS and self._body is not None:
                self._take(SOS, self._body)
        self._kept.append(b"\xff\xd9")
        jpeg = self._jpeg
        if jpeg.frame is None or not jpeg.scans:
            raise damaged("no picture in it")
        jpeg.codec = b"".join(self._kept)
        if self._icc:
            jpeg.icc = b"".join(self._icc[number] for number in sorted(self._icc))
            if sorted(self._icc) != list(range(1, self._icc_count + 1)):
                jpeg.icc, jpeg.icc_problem = b"", "parts of it are missing"
        return jpeg

    def _marker(self) -> int:
        """The next marker; the end where a sequential picture just ends, as its data will tell whether they are whole."""
        data, at = self._data, self._at
        if filling := _FILLING.match(data, at):
            at = filling.end()
        if at + 1 >= len(data):
            if self._jpeg.scans and self._jpeg.frame is not None and not self._jpeg.frame.progressive:
                return EOI
            raise damaged("it is cut off")
        if data[at] != 0xFF:
            raise damaged(f"no segment begins at byte {at:,}")
        self._at = at + 2
        return data[at + 1]

    def _segment(self) -> bytes:
        data, at = self._data, self._at
        length = int.from_bytes(data[at : at + 2], "big")
        if at + length > len(data):
            raise damaged("it is cut off")
        if length < 2:
            raise damaged(f"a segment of {length} bytes at byte {at:,}")
        self._at = at + length
        return data[at + 2 : at + length]

    def _take(self, marker: int, body: bytes) -> None:
        try:
            if marker == SOS:
                self._scan(body)
            elif marker == DHT:
                self._huffman(body)
            elif marker == DQT:
                self._quantisation(body)
            elif marker in FRAMES:
                self._frame(marker, body)
            elif marker == DRI:
                (self._interval,) = struct.unpack(">H", body[:2])
            elif marker in (APP0, APP1, APP2):
                self._metadata(marker, body)
        except (struct.error, IndexError, KeyError) as error:
            raise damaged(f"a segment 0x{marker:02X} that makes no sense") from error

    def _frame(self, marker: int, body: bytes) -> None:
        if self._jpeg.frame is not None:
            raise damaged("a second header")
        bits, height, width, count = struct.unpack_from(">BHHB", body)
        parts = [body[6 + 3 * i : 9 + 3 * i] for i in range(count)]
        components = tuple(Component(part[0], part[1] >> 4, part[1] & 15, part[2]) for part in parts)
        if (
            not width
            or not height
            or not components
            or not all(0 < c.across < 5 and 0 < c.down < 5 for c in components)
        ):
            raise damaged("a header that makes no sense")
        self._jpeg.frame = Frame(marker, bits, width, height, components)

    def _huffman(self, body: bytes) -> None:
        while body:
            end = 17 + sum(body[1:17])
            if len(body) < end:
                raise damaged("a code table that is cut off")
            self._tables[body[0]] = body[1:end]
            body = body[end:]

    def _quantisation(self, body: bytes) -> None:
        while body:
            size = 2 if body[0] >> 4 else 1
            self._steps[body[0] & 15] = int.from_bytes(body[1 : 1 + size], "big")
            body = body[1 + 64 * size :]

    def _scan(self, body: bytes) -> None:
        frame = self._jpeg.frame
        if frame is None:
            raise damaged("data before the header")
        if len(self._jpeg.scans) == MOST_SCANS:
            raise DecodeError(
                Status.TOO_LARGE, f"more than {MOST_SCANS} scans, each of which costs a pass over the picture"
            )
        count = body[0]
        named = {component.name: component for component in frame.components}
        chosen = [(named[body[1 + 2 * i]], body[2 + 2 * i]) for i in range(count)]
        first, last, bits = body[1 + 2 * count : 4 + 2 * count]
        low = bits & 15 if frame.progressive else 0
        start, end = self._at, self._end_of_scan()
        self._jpeg.scans.append(
            Scan(
                tuple(component for component, _ in chosen),
                tuple((self._tables.get(tables >> 4), self._tables.get(0x10 | tables & 15)) for _, tables in chosen),
                tuple((LARGEST_DC // max(1, self._steps.get(c.quantised, 1)) + 2) >> low for c, _ in chosen),
                *((first, last, bits >> 4 > 0) if frame.progressive else (0, 63, False)),
                self._interval,
                start,
                end,
            )
        )
        self._kept.append(self._data[start:end])
        self._at = end

    def _end_of_scan(self) -> int:
        found = (_NEXT_BUT_RESTARTS if self._interval else _NEXT_MARKER).search(self._data, self._at)
        return found.start() if found else len(self._data)

    def _metadata(self, marker: int, body: bytes) -> None:
        jpeg = self._jpeg
        if marker == APP0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            unit, across, down = struct.unpack_from(">BHH", body, 7)
            if unit in (1, 2) and across and down:
                factor = 1.0 if unit == 1 else 2.54
                jpeg.dpi = (across * factor, down * factor)
        elif marker == APP1 and body.startswith(_EXIF) and not jpeg.exif:
            jpeg.exif = body[len(_EXIF) :]
        elif marker == APP1 and body.startswith(_XMP) and not jpeg.xmp:
            jpeg.xmp = body[len(_XMP) :]
        elif marker == APP2 and body.startswith(_ICC) and len(body) > 14:
            self._icc[body[12]], self._icc_count = body[14:], body[13]
