"""Whether the data of a JPEG are whole: each scan must hold the blocks that the header promises."""

import re
from functools import lru_cache
from itertools import accumulate
from math import ceil

import numpy as np

from fishprep.decoding import huffman
from fishprep.decoding.jpeg_parts import ARITHMETIC, PROGRESSIVE, SEQUENTIAL, Frame, Jpeg, Scan, damaged

_RESTART = re.compile(rb"\xff[\xd0-\xd7]")


def check_whole(data: bytes, jpeg: Jpeg) -> str:
    """DecodeError where a scan does not hold the blocks that its header promises.

    Returns a note where that cannot be said, else nothing.
    """
    frame = jpeg.frame
    assert frame is not None
    if frame.kind not in (*SEQUENTIAL, PROGRESSIVE):
        return "its data cannot be checked for damage (arithmetic coding)" if frame.kind in ARITHMETIC else ""
    if missing := {c.name for c in frame.components} - {c.name for scan in jpeg.scans for c in scan.components}:
        raise damaged(f"no data for {len(missing)} of its {len(frame.components)} colours")
    known = {component.name: np.zeros(0, np.uint64) for component in frame.components}
    for number, scan in enumerate(jpeg.scans, start=1):
        if problem := _problem(data, frame, scan, known):
            where = f" (scan {number} of {len(jpeg.scans)})" if len(jpeg.scans) > 1 else ""
            raise damaged(f"{problem}{where}")
    return ""


def _problem(data: bytes, frame: Frame, scan: Scan, known: dict[int, np.ndarray]) -> str:
    """What is wrong with the data of a scan. known: coefficients of each colour that are not 0, a bit each, block by block."""
    from fishprep.decoding import entropy  # compiles, which `--help` must not wait for

    together = len(scan.components) > 1
    units = frame.units if together else frame.blocks(scan.components[0])
    interval = scan.interval or units
    stretches = [data[scan.start : scan.end]]
    if scan.interval:
        stretches = _RESTART.split(stretches[0])
        if len(stretches) != ceil(units / interval):
            return f"{len(stretches) - 1} restart markers, there must be {ceil(units / interval) - 1}"
    whole = [stretch.replace(b"\xff\x00", b"\xff") for stretch in stretches]
    coded = np.frombuffer(b"".join([*whole, bytes(entropy.PAD)]), np.uint8)
    starts = np.array([0, *accumulate(map(len, whole))])
    blocks = tuple(c.across * c.down if together else 1 for c in scan.components)
    try:
        colours, most = _arrays(blocks, scan.most)
        if not frame.progressive:
            dc = huffman.lookups(_tables([pair[0] for pair in scan.tables]))
            ac = huffman.ac_steps(_tables([pair[1] for pair in scan.tables]))
            verdict = entropy.walk_sequential(coded, starts, interval, units, colours, most, *dc, *ac)
        elif scan.first == 0:
            tables = _tables([None if scan.refining else pair[0] for pair in scan.tables], needed=not scan.refining)
            dc = huffman.lookups(tables)
            verdict = entropy.walk_dc(coded, starts, interval, units, colours, most, scan.refining, *dc)
        elif together or not scan.first <= scan.last < 64:
            return "a scan that makes no sense"
        else:
            name = scan.components[0].name
            if not len(known[name]):
                known[name] = np.zeros(units, np.uint64)
            walk = entropy.walk_ac_again if scan.refining else entropy.walk_ac
            ac = huffman.lookups(_tables([scan.tables[0][1]]))
            verdict = walk(coded, starts, interval, known[name], scan.first, scan.last, *ac)
    except ValueError as error:
        return str(error)
    return entropy.Verdict(verdict).words


@lru_cache(16)
def _arrays(blocks: tuple[int, ...], most: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The colour of each block of a unit, and the largest DC value of each colour."""
    return np.repeat(np.arange(len(blocks)), blocks), np.array(most)


_NO_TABLE = bytes(16)


def _tables(found: list[bytes | None], needed: bool = True) -> tuple[bytes, ...]:
    if needed and None in found:
        raise ValueError("a code table is missing")
    return tuple(table or _NO_TABLE for table in found)
