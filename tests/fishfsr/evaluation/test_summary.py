"""Means and intervals against other implementations."""

import numpy as np
import pytest
import scipy.stats

from fishfsr.evaluation import summary
from fishfsr.evaluation.summary import Bootstrap, figure


def test_interval_equals_a_plain_bootstrap_and_scipys() -> None:
    values = np.random.default_rng(3).gamma(2.0, 3.0, 80)
    ours = figure(values, Bootstrap(seed=1, resamples=8000))
    generator = np.random.default_rng(99)
    plain = sorted(sum(generator.choice(values, 80)) / 80 for _ in range(4000))
    theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=8000, method="percentile", rng=5).confidence_interval
    spread = values.std() / 80**0.5
    assert ours.mean == pytest.approx(values.mean()) and ours.faces == 80
    assert ours.low is not None and ours.high is not None
    for low, high in ((plain[100], plain[3900]), theirs):
        assert ours.low == pytest.approx(low, abs=0.12 * spread)
        assert ours.high == pytest.approx(high, abs=0.12 * spread)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(400):
        found = figure(generator.normal(5, 2, 60), Bootstrap(seed, 300))
        assert found.low is not None and found.high is not None
        covered += found.low <= 5 <= found.high
    assert 0.91 <= covered / 400 <= 0.98


def test_drawing_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(50)
    whole = figure(values, Bootstrap(7, 500))
    monkeypatch.setattr(summary, "_DRAWN_AT_ONCE", 150)
    assert figure(values, Bootstrap(7, 500)) == whole
    assert figure(values, Bootstrap(8, 500)) != whole


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    found = figure(np.array([1.0, np.nan, 3.0, np.inf, -np.inf]), Bootstrap())
    assert (found.mean, found.faces, found.left_out) == (2.0, 2, 3)
    assert figure(np.array([np.nan]), Bootstrap()).mean is None
    single = figure(np.array([4.0]), Bootstrap())
    assert (single.mean, single.low, single.high) == (4.0, None, None)
