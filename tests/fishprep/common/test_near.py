"""Every near pair is found and no other, by comparing few of all pairs."""

import numpy as np
import pytest

from fishprep.common import near
from fishprep.common.near import near_pairs


def clumped_hashes(count: int, seed: int = 0) -> np.ndarray:
    """(count,) uint64: a few clusters, members some bits apart."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, 5, np.uint64)[rng.integers(0, 5, count)]
    for _ in range(4):
        flips = np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64)
        hashes = hashes ^ np.where(rng.random(count) < 0.6, flips, np.uint64(0))
    return hashes


@pytest.mark.parametrize("most_bits", [0, 1, 4, 7])
def test_near_pairs_are_those_of_brute_force(most_bits: int) -> None:
    hashes = clumped_hashes(150)
    expected = {
        (i, j, bits)
        for i in range(150)
        for j in range(i + 1, 150)
        if (bits := (int(hashes[i]) ^ int(hashes[j])).bit_count()) <= most_bits
    }
    blocks = [block for block in near_pairs(hashes, most_bits) if len(block[0])]
    found = [triple for block in blocks for triple in zip(*(part.tolist() for part in block), strict=True)]
    assert len(found) == len(set(found)) and set(found) == expected and expected


@pytest.mark.parametrize("count", [0, 1])
def test_near_pairs_of_too_few(count: int) -> None:
    assert not [block for block in near_pairs(np.zeros(count, np.uint64), 4) if len(block[0])]


def brute_force(hashes: np.ndarray, most_bits: int) -> set[tuple[int, int, int]]:
    """Each hash with each."""
    found = set()
    for i in range(len(hashes)):
        bits = np.bitwise_count(hashes[i + 1 :] ^ hashes[i])
        found |= {(i, i + 1 + int(j), int(bits[j])) for j in np.flatnonzero(bits <= most_bits)}
    return found


def listed(hashes: np.ndarray, most_bits: int) -> list[tuple[int, int, int]]:
    blocks = near_pairs(hashes, most_bits)
    return [triple for block in blocks for triple in zip(*(part.tolist() for part in block), strict=True)]


@pytest.mark.parametrize("spare", [-99, 6, 12, 99])
def test_planted_pairs_are_found_among_many_hashes_however_wide_the_keys(
    monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    """Pairs whose bits differ in one band, in all bands, at the ends; among random and among huddled hashes."""
    rng = np.random.default_rng(1)
    hashes = np.concatenate([rng.integers(0, 2**64, 3000, np.uint64), clumped_hashes(300, 7)])
    planted = []
    for bits in (0, 1, 2, 3, 4, 4, 4, 4, 5, 6):
        mask = np.bitwise_or.reduce(np.uint64(1) << rng.choice(64, bits, replace=False).astype(np.uint64), initial=0)
        planted.append(hashes[rng.integers(3000)] ^ np.uint64(mask))
    planted += [hashes[5] ^ np.uint64(0b1111), hashes[6] ^ np.uint64(0b1111 << 60), hashes[7] ^ np.uint64(1 << 63 | 1)]
    hashes = rng.permutation(np.concatenate([hashes, np.array(planted, np.uint64)]))
    monkeypatch.setattr(near, "_SPARE_BITS", spare)
    found = listed(hashes, 4)
    assert len(found) == len(set(found)) and set(found) == brute_force(hashes, 4) and len(found) > 100


def test_ten_times_the_hashes_are_not_a_hundred_times_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    count_of = near._near
    monkeypatch.setattr(near, "_near", lambda *given: compared.append(len(given[1])) or count_of(*given))
    work = []
    for count in (10_000, 100_000):
        compared.clear()
        assert not listed(np.random.default_rng(2).integers(0, 2**64, count, np.uint64), 4)
        work.append(sum(compared))
    assert work[0] < 10_000 * 10 and work[1] < 100_000 * 10
