"""Whether the Huffman-coded data of a JPEG are whole: every code is walked along, no coefficient is made.

libjpeg goes on over damaged data, warns where nobody hears it, and fills up with what it has. Here each scan must hold exactly
the blocks that its header promises, and no mean of a block may leave what black and white allow, as it does where the data
fell into step again by chance: the differences add up from block to block.
"""

from enum import IntEnum

import numba
import numpy as np

from fishprep.decoding.huffman import FAST_BITS

PAD = 512
"""Bytes behind a buffer into which a walk may look: those of a block, after which it asks whether the data have ended."""


class Verdict(IntEnum):
    """Of a walk."""

    WHOLE = 0
    NO_CODE = 1
    TOO_FEW = 2
    TOO_MANY = 3
    BEYOND = 4
    OUT_OF_RANGE = 5

    @property
    def words(self) -> str:
        """What is wrong, in words."""
        return (
            "",
            "a code that its table does not have",
            "data for fewer blocks than there are",
            "data for more blocks than there are",
            "a coefficient outside of its block",
            "blocks far darker than black or brighter than white",
        )[self]


def _compiled(function):  # type: ignore[no-untyped-def]
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to keep what is compiled: a read-only installation and home
        return numba.njit(nogil=True)(function)


@_compiled
def _bits(data, at):  # type: ignore[no-untyped-def]
    """The 16 bits from bit `at` on."""
    byte = at >> 3
    word = (np.int64(data[byte]) << 16) | (np.int64(data[byte + 1]) << 8) | np.int64(data[byte + 2])
    return (word >> (8 - (at & 7))) & 0xFFFF


@_compiled
def _entry(data, at, short, full, table):  # type: ignore[no-untyped-def]
    bits = _bits(data, at)
    entry = np.int64(short[table, bits >> (16 - FAST_BITS)])
    return entry if entry else np.int64(full[table, bits])


@_compiled
def _end(data, at, stop):  # type: ignore[no-untyped-def]
    """The verdict on a stretch whose blocks ended at bit `at`: behind them there may be filling, but no data."""
    if at > stop * 8:
        return 2
    first = (at + 7) >> 3
    for byte in range(first, stop):
        if data[byte] != 0 and data[byte] != 255:
            return 3
    return 0


@_compiled
def _difference(data, at, size):  # type: ignore[no-untyped-def]
    """A value of `size` bits (at most 11) as DC differences are coded."""
    if size == 0:
        return 0
    value = _bits(data, at) >> (16 - size)
    return value if value >> (size - 1) else value - (1 << size) + 1


@_compiled
def walk_sequential(data, starts, interval, units, colours, most, short, full, steps, long_steps):  # type: ignore[no-untyped-def]
    """A scan of whole blocks. starts: first byte of each stretch between restart markers, and the end; interval: units in each.

    colours: of each block of a unit. most: the largest DC value of each colour. short, full: tables of DC, one for each colour;
    steps, long_steps: of AC, as `ac_steps` makes them.
    """
    done = 0
    means = np.zeros(len(most), np.int64)
    for stretch in range(len(starts) - 1):
        at, stop = starts[stretch] * 8, starts[stretch + 1]
        means[:] = 0
        for _ in range(min(interval, units - done)):
            for colour in colours:
                entry = _entry(data, at, short, full, colour)
                size = entry & 255
                if entry == 0 or size > 11:
                    return 1
                at += entry >> 8
                means[colour] += _difference(data, at, size)
                if abs(means[colour]) > most[colour]:
                    return 5
                at += size
                byte, word, have, k = (
                    at >> 3,
                    np.int64(0),
                    -(at & 7),
                    1,
                )  # `have` bits of `word` are to come, before byte `byte`
                while k < 64:
                    if have < 32:
                        for _ in range(4):
                            word = (word << 8) | np.int64(data[byte])
                            byte += 1
                        have += 32
                    entry = np.int64(steps[colour, (word >> (have - FAST_BITS)) & ((1 << FAST_BITS) - 1)])
                    if entry == 0:
                        entry = np.int64(long_steps[colour, (word >> (have - 16)) & 0xFFFF])
                        if entry == 0:
                            return 1
                    have -= entry & 255
                    k += int(entry >> 8)
                at = byte * 8 - have
                if 64 < k < 128:
                    return 4
                if at > stop * 8:
                    return 2
            done += 1
        verdict = _end(data, at, stop)
        if verdict:
            return verdict
    return 0


@_compiled
def walk_dc(data, starts, interval, units, colours, most, refining, short, full):  # type: ignore[no-untyped-def]
    """A progressive scan of DC coefficients, the first (a code each) or one that adds a bit to each."""
    done = 0
    means = np.zeros(len(most), np.int64)
    for stretch in range(len(starts) - 1):
        at, stop = starts[stretch] * 8, starts[stretch + 1]
        count = min(interval, units - done)
        means[:] = 0
        if refining:
            at += count * len(colours)
        else:
            for _ in range(count):
                for colour in colours:
                    entry = _entry(data, at, short, full, colour)
                    size = entry & 255
                    if entry == 0 or size > 11:
                        return 1
                    at += entry >> 8
                    means[colour] += _difference(data, at, size)
                    if abs(means[colour]) > most[colour]:
                        return 5
                    at += size
                    if at > stop * 8:
                        return 2
        done += count
        verdict = _end(data, at, stop)
        if verdict:
            return verdict
    return 0


@_compiled
def walk_ac(data, starts, interval, known, first, last, short, full):  # type: ignore[no-untyped-def]
    """A progressive scan that brings the coefficients `first` to `last` of each block; `known` gets a bit for each not 0."""
    done, units = 0, len(known)
    for stretch in range(len(starts) - 1):
        at, stop = starts[stretch] * 8, starts[stretch + 1]
        empty = 0  # blocks to come without any
        for unit in range(done, min(done + interval, units)):
            if empty:
                empty -= 1
                continue
            k = first
            while k <= last:
                if at > stop * 8:
                    return 2
                entry = _entry(data, at, short, full, 0)
                if entry == 0:
                    return 1
                run, size = (entry >> 4) & 15, entry & 15
                at += entry >> 8
                if size == 0:
                    if run == 15:
                        k += 16
                        continue
                    empty = (1 << run) - 1
                    if run:
                        empty += _bits(data, at) >> (16 - run)
                        at += run
                    break
                at += size
                k += run
                if k > last:
                    return 4
                known[unit] |= np.uint64(1) << np.uint64(k)
                k += 1
        done += min(interval, units - done)
        verdict = _end(data, at, stop)
        if verdict:
            return verdict
    return 0


@_compiled
def walk_ac_again(data, starts, interval, known, first, last, short, full):  # type: ignore[no-untyped-def]
    """A progressive scan that adds a bit to the coefficients `first` to `last` of each block, and brings further ones."""
    done, units = 0, len(known)
    for stretch in range(len(starts) - 1):
        at, stop = starts[stretch] * 8, starts[stretch + 1]
        empty = 0
        for unit in range(done, min(done + interval, units)):
            mask = known[unit]
            k = first
            if empty == 0:
                while k <= last:
                    if at > stop * 8:
                        return 2
                    entry = _entry(data, at, short, full, 0)
                    if entry == 0:
                        return 1
                    run, size = (entry >> 4) & 15, entry & 15
                    at += entry >> 8
                    if size > 1:
                        return 1
                    if size == 0 and run < 15:
                        empty = 1 << run
                        if run:
                            empty += _bits(data, at) >> (16 - run)
                            at += run
                        break
                    at += size
                    while k <= last:
                        if (mask >> np.uint64(k)) & np.uint64(1):
                            at += 1
                        else:
                            run -= 1
                            if run < 0:
                                break
                        k += 1
                    if size:
                        if k > last:
                            return 4
                        known[unit] |= np.uint64(1) << np.uint64(k)
                    k += 1
            if empty:
                if mask >> np.uint64(k & 63):  # k is 64 at most where nothing is left
                    for index in range(k, last + 1):
                        if (mask >> np.uint64(index)) & np.uint64(1):
                            at += 1
                empty -= 1
                if at > stop * 8:
                    return 2
        done += min(interval, units - done)
        verdict = _end(data, at, stop)
        if verdict:
            return verdict
    return 0
