"""The parts of a comparison by themselves: budgets, intervals, conclusions, the frontier, and the table that sorts."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as some

from fishfsr.comparison.budget import ENDLESS, TrainingBudget, parse_budget
from fishfsr.comparison.conclusion import Circumstances, conclude
from fishfsr.comparison.contestants import MODELS_OF_TABLE_3, TABLE
from fishfsr.comparison.frontier import frontiers
from fishfsr.comparison.intervals import is_apart, over_seeds, paired_differences, spread_of
from fishfsr.comparison.paper import PaperRow, paper_rows
from fishfsr.comparison.recipes import method_settings
from fishfsr.comparison.rows import ComparedRow, NetworkCost
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.summary import Bootstrap, Figure
from fishfsr.registry import ModelSize


@given(some.integers(1, 10**7), some.integers(1, 512))
def test_steps_come_nearest_to_the_faces(faces: int, batch: int) -> None:
    steps = TrainingBudget(faces=faces).steps(batch)
    assert steps >= 1 and (steps == 1 or abs(steps * batch - faces) <= batch / 2)


def test_minutes_run_out() -> None:
    budget = parse_budget("1.5 h")
    assert budget.steps(8) == ENDLESS and budget.minutes_left(0) == 90 and budget.minutes_left(3600) == 30
    assert budget.minutes_left(5399.5) == 0 and parse_budget("0.1m").minutes_left(5.5) == 0 < parse_budget(
        "0.1m"
    ).minutes_left(5.3)
    assert budget.minutes_left(10**9) == 0 and parse_budget("50,000 faces").minutes_left(1) is None
    assert [str(parse_budget(text)) for text in ("20min", "0.5hours", "1face")] == [
        "20 minutes",
        "30 minutes",
        "1 faces",
    ]
    for wrong in ({}, {"minutes": 1.0, "faces": 1}, {"faces": 0}, {"minutes": -1.0}):
        with pytest.raises(ConfigurationError):
            TrainingBudget(**wrong)


def test_in_the_common_recipe_networks_of_which_nothing_is_said_start_well() -> None:
    for each in (*TABLE, *MODELS_OF_TABLE_3):
        sr = method_settings(each, 8, "common")["sr"]
        assert sr.get("initial") == (None if each.method.rival else "unit-variance")
        assert (sr["lr"], sr["loss"], sr["batch_size"]) == (5e-4, "l1", 8)
    assert {each.name for each in TABLE if not each.method.rival} == {"fishfsrnet", "tapernet"}


def test_paired_intervals_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    reference = {"psnr": rng.normal(26, 2, 300)}
    own = {"psnr": reference["psnr"] + rng.normal(-0.05, 0.3, 300)}
    found = paired_differences(own, reference, Bootstrap(1, 20_000))["psnr"]
    theirs = scipy.stats.bootstrap(
        (own["psnr"], reference["psnr"]), lambda one, other, axis: (one - other).mean(axis), paired=True,
        vectorized=True, n_resamples=20_000, method="percentile", rng=np.random.default_rng(5),
    ).confidence_interval  # fmt: skip
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.03 * width) and found.high == pytest.approx(
        theirs.high, abs=0.03 * width
    )
    unpaired = np.sqrt(2) * 2 / np.sqrt(300) * 2 * 1.96
    assert width < 0.2 * unpaired, "pairs take out what faces have in common"


def test_seeds_are_averaged_face_by_face() -> None:
    seeds = [{"psnr": np.array([1.0, 3.0])}, {"psnr": np.array([2.0, 6.0])}]
    assert over_seeds(seeds)["psnr"].tolist() == [1.5, 4.5]
    spread = spread_of(seeds, "psnr")
    assert (
        spread is not None
        and (spread.low, spread.high, spread.seeds) == (2.0, 4.0, 2)
        and spread_of(seeds[:1], "psnr") is None
    )


def row(name: str, psnr: float, low: float, high: float, paper: float | None = None, **more: Any) -> ComparedRow:
    difference = {} if low == high else {"psnr": Figure((low + high) / 2, low, high, 9, 0)}
    said = None if paper is None else PaperRow(paper, 0.5)
    figures = {"psnr": Figure(psnr, psnr - 1, psnr + 1, 9, 0)}
    return ComparedRow(name, name.upper(), seeds=1, figures=figures, differences=difference, paper=said, **more)


def test_what_is_concluded() -> None:
    rows = [
        row("a", 25, -2, -1, 24),
        row("b", 27, 0.5, 1, 25),
        row("c", 26.1, -0.1, 0.3, 26),
        row("ours", 26.5, 0, 0, 27),
    ]
    rows.append(ComparedRow("d", "D", error="broken"))
    first, apart, order, seeds, limits, failed = conclude(rows, Circumstances(8, 9, "5 minutes of training", "ours"))
    assert "5 minutes" in first and first.endswith("B 27.00, OURS 26.50, C 26.10, A 25.00.")
    assert "better than it B (+0.75); worse than it A (−1.50); not told apart from it C (+0.10)" in apart
    assert "OURS, C, B, A" in order and "Of 6 pairs of methods 4 stand" in order
    assert "One training each" in seeds and "in the end" in limits and failed.endswith("D.")
    assert is_apart(rows[0].differences["psnr"]) and not is_apart(rows[2].differences["psnr"])
    assert len(conclude(rows[:1], Circumstances(8, 9, "5 minutes", "ours"))) == 1


def costs(gmac: float) -> NetworkCost:
    return NetworkCost(8, ModelSize(1, round(gmac * 1e9)), 64, ModelSize(1, 1))


def test_the_frontier_joins_those_that_nobody_beats() -> None:
    facts = {"a": (24.0, 1.0, 60), "b": (26.0, 2.0, 600), "c": (25.0, 3.0, 30), "d": (26.5, 9.0, 6000)}
    rows = [row(name, psnr, 0, 0, cost=costs(gmac), seconds=seconds) for name, (psnr, gmac, seconds) in facts.items()]
    time, cost = frontiers(rows, "a")
    assert [each.name for each in time.points if each.best] == ["b", "c", "d"]
    assert [each.name for each in cost.points if each.best] == ["a", "b", "d"]
    assert frontiers(rows[:1], "a") == ()


def test_names_do_not_lie_on_each_other() -> None:
    rng = np.random.default_rng(0)
    rows = [
        row(
            f"method-{n}",
            float(rng.uniform(25, 27)),
            0,
            0,
            cost=costs(float(rng.uniform(1, 40))),
            seconds=float(rng.uniform(60, 900)),
        )
        for n in range(12)
    ]
    for picture in frontiers(rows, "method-0"):
        boxes = []
        for point in picture.points:
            left = point.label_x - (6.0 * len(point.title) if point.anchor == "end" else 0)
            boxes.append((left, point.label_y - 9, left + 6.0 * len(point.title), point.label_y))
        for one, other in itertools.combinations(boxes, 2):
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_the_paper() -> None:
    assert paper_rows("celeba", 2) == {} and len(paper_rows("helen", 16)) == 10 and len(paper_rows("celeba", 8)) == 18
    for faces in ("celeba", "helen"):
        for scale in (4, 8, 16):
            rows = paper_rows(faces, scale)  # type: ignore[arg-type]
            assert max(rows.values(), key=lambda each: each.psnr) is rows["fishfsrnet"] or scale == 8
            assert min(rows, key=lambda name: rows[name].psnr) == "bicubic"
    with pytest.raises(ConfigurationError, match="no faces 'ffhq'"):
        paper_rows("ffhq", 8)  # type: ignore[arg-type]


@pytest.fixture
def page(whole: Path, browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto((whole / "index.html").as_uri())
    yield page
    page.close()


def test_the_table_sorts_by_key_and_by_click(page: Any, whole: Path) -> None:
    with open(whole / "table.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    shown = "[...document.querySelectorAll('.compared tbody tr')].map(row => row.dataset.method)"
    assert page.evaluate(shown) == [each["method"] for each in rows]
    ascending = [each["method"] for each in sorted(rows, key=lambda each: float(each["psnr"]))]
    button = page.locator(".compared thead button", has_text="PSNR-Y").first
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(shown) == ascending[::-1] and page.locator("[aria-sort=descending]").count() == 1
    page.keyboard.press("Space")
    assert page.evaluate(shown) == ascending
    page.locator(".compared thead button", has_text="faces seen").click()
    assert page.evaluate(shown)[-1] == "bicubic", "what has no number comes last"
    page.locator(".compared thead button", has_text="Method").click()
    assert page.evaluate(shown) == [each["method"] for each in rows]


def test_it_fits_a_phone(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # What was changed in a method alone stands below its name, and not over the figures beside it.
    over = """() => {
        const cell = document.querySelector(".compared tbody th"), note = document.createElement("span");
        note.className = "beside";
        note.textContent = "alignment.aligner=fan, sr.options.discriminator=false";
        cell.append(note);
        const words = document.createRange();
        words.selectNodeContents(note);
        return words.getBoundingClientRect().right - cell.getBoundingClientRect().right;
    }"""
    assert page.evaluate(over) <= 0
