"""All faces are counted, once; the ends are the ends; whole numbers spread evenly."""

import numpy as np
import pytest

from fishprep.reports.columns import MEASURES as NAMES
from fishprep.reports.columns import CodedColumn, Columns
from fishprep.reports.histograms import MEASURES, MOST_BARS, Histogram, histograms


def histogram(values: np.ndarray, kept: np.ndarray | None = None, extremes: int = 5) -> Histogram:
    count = len(values)
    codes = np.zeros(count, np.int32) if kept is None else (~kept).astype(np.int32)
    one, zeros = CodedColumn(("",), np.zeros(count, np.int32)), np.zeros(count, np.uint64)
    columns = Columns(
        status=CodedColumn(("ok", "no_face"), codes),
        split=one,
        backend=one,
        licence=one,
        shard=one,
        index=np.arange(count, dtype=np.int32),
        measures={name: np.asarray(values, np.float32) for name in NAMES},
        fingerprint=zeros,
        photo=zeros,
        content=zeros,
        identity=zeros,
    )
    return histograms(columns, extremes)[0]


def test_every_finite_value_is_counted_once_and_the_ends_are_sorted() -> None:
    values = np.random.default_rng(0).normal(0, 20, 1000)
    values[[3, 5]] = np.nan
    values[10], values[20] = 5000, -5000  # far out: in the outermost bars, and shown first
    kept = np.ones(1000, bool)
    kept[30:40] = False
    found = histogram(values, kept)
    assert sum(bar.count for bar in found.bars) == 988 and found.missing == 2
    assert len(found.bars) <= MOST_BARS and max(bar.height for bar in found.bars) == 1.0
    order = [i for i in np.argsort(values, kind="stable").tolist() if kept[i] and np.isfinite(values[i])]
    assert list(found.smallest) == order[:5] and list(found.largest) == order[::-1][:5]
    assert found.smallest[0] == 20 and found.largest[0] == 10
    middle = np.median(values[kept & np.isfinite(values)])
    assert found.median == f"{middle:,.0f} px".replace("-", "−")
    starts = np.array([float(bar.start.removesuffix(" px").replace("−", "-").replace(",", "")) for bar in found.bars])
    assert abs(np.interp(found.middle * len(starts), np.arange(len(starts)), starts) - middle) < 3


def test_whole_numbers_fall_evenly_into_bars() -> None:
    found = histogram(np.repeat(np.arange(100, 171), 10).astype(float))
    assert {bar.count for bar in found.bars[1:-1]} == {20}


@pytest.mark.parametrize("values", [[5.0], [5.0] * 30, [0.0, 0.0], [-3.0, 4.0], [1e6, 1e6 + 1]])
def test_few_or_equal_values(values: list[float]) -> None:
    found = histogram(np.array(values))
    assert sum(bar.count for bar in found.bars) == len(values) and len(found.bars) <= MOST_BARS
    assert 0 <= found.middle <= 1 and not set(found.smallest) & set(found.largest)


def test_sides_in_words() -> None:
    yaw = next(measure for measure in MEASURES if measure.name == "yaw")
    assert yaw.phrase(-12.4) == "turned 12° to the left" and yaw.phrase(30.0) == "turned 30° to the right"
