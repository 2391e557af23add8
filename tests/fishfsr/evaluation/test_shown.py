"""Which faces are shown, and how numbers are binned."""

import numpy as np

from fishfsr.evaluation.plots import MOST_BARS, histogram
from fishfsr.evaluation.shown import ranked


def test_the_worst_the_median_and_the_best() -> None:
    values = np.array([5.0, 1, 9, 3, 7, 2, 8, 4, 6])
    found = {sheet.name: [values[number] for number in sheet.numbers] for sheet in ranked(values, 2)}
    assert found == {"worst": [1, 2], "median": [4, 5], "best": [9, 8]}


def test_too_few_for_three_are_on_one_sheet() -> None:
    values = np.array([2.0, np.inf, np.nan, 1.0])
    (sheet,) = ranked(values, 2)
    assert sheet.name == "all" and sheet.numbers == (2, 3, 0, 1)
    assert ranked(values, 0) == []


def test_every_finite_number_is_in_one_bar_of_its_method() -> None:
    rng = np.random.default_rng(0)
    bicubic, sr = rng.normal(23, 1, 300), np.append(rng.normal(24, 1, 300), [np.nan, np.inf, 300.0])
    found = histogram("PSNR", {"Bicubic": bicubic, "SR": sr})
    assert found is not None and len(found.edges) <= MOST_BARS + 3
    assert [sum(series.counts) for series in found.series] == [300, 301]
    assert max(height for series in found.series for height in series.heights) == 1
    assert found.series[0].mean < found.series[1].mean
    inner = (bicubic >= found.edges[5]) & (bicubic < found.edges[6])
    assert found.series[0].counts[5] == inner.sum()
    assert histogram("PSNR", {"SR": np.array([np.nan])}) is None
    single = histogram("PSNR", {"SR": np.array([4.0])})
    assert single is not None and sum(single.series[0].counts) == 1
