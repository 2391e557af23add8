"""The code tables of a JPEG, made so that the next bits of the data look up a code at once."""

from functools import lru_cache

import numpy as np

FAST_BITS = 9


@lru_cache(16)
def lookups(tables: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Tables of a scan, each as in its segment (16 counts, then the symbols): by the next 9 and by the next 16 bits.

    Entries are uint16: length of the code · 256 + symbol; 0 where no code begins so (or, in the short one, none of up to 9 bits).
    ValueError where a table has more codes than there can be.
    """
    full = np.zeros((len(tables), 1 << 16), np.uint16)
    for row, table in zip(full, tables, strict=True):
        lengths = np.repeat(np.arange(1, 17), np.frombuffer(table, np.uint8, 16))
        symbols = np.frombuffer(table, np.uint8, offset=16)
        entries = np.repeat((lengths << 8 | symbols).astype(np.uint16), 1 << (16 - lengths))
        if len(entries) > len(row):
            raise ValueError("a code table with more codes than there can be")
        row[: len(entries)] = entries
    short = full[:, :: 1 << (16 - FAST_BITS)].copy()
    short[short >> 8 > FAST_BITS] = 0
    return short, full


@lru_cache(16)
def ac_steps(tables: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    """As `lookups`, for the AC codes of a sequential scan: bits of code and value together + 256 · coefficients gone on.

    The end of a block goes on by 128.
    """
    return tuple(_steps(entries) for entries in lookups(tables))  # type: ignore[return-value]


def _steps(entries: np.ndarray) -> np.ndarray:
    run, size = entries >> 4 & 15, entries & 15
    on = np.where((size == 0) & (run < 15), 128, run + 1)
    return np.where(entries == 0, 0, (entries >> 8) + size + (on << 8)).astype(np.uint16)
