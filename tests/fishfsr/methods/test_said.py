"""The page of the methods says what they say of themselves: what they read, cost, and where each fact comes from."""

from pathlib import Path

import pytest

from fishfsr.methods.base import Method
from fishfsr.methods.every import METHODS
from fishfsr.registry import MODELS, model_size

PAGE = Path(__file__).parents[3] / "docs" / "methods.md"
RIVALS = [method for method in METHODS.values() if method.rival]


def words(text: str) -> str:
    """Without where its lines break, and without what is only type."""
    return " ".join(text.replace("`", "").split())


def numbers(figures: list[float], form: str) -> str:
    """Of x4, x8 and x16, or one where all are written alike."""
    shown = [f"{figure:{form}}" for figure in figures]
    return shown[0] if len(set(shown)) == 1 else " / ".join(shown)


@pytest.mark.parametrize("method", RIVALS, ids=lambda method: method.name)
def test_every_fact_stands_on_the_page_with_its_source(method: Method) -> None:
    facts = [f"{said.kind.capitalize()}: {said.text} ({said.source})." for said in method.said]
    scales = ", ".join(f"x{scale}" for scale in method.scales)
    assert f"- **{method.title}** (original scales: {scales}). {' '.join(facts)}" in words(PAGE.read_text())
    assert {said.kind for said in method.said} >= {"published"}, "its loss and its sizes come from somewhere"


@pytest.mark.parametrize("method", RIVALS, ids=lambda method: method.name)
def test_the_table_has_what_it_reads_and_costs(method: Method) -> None:
    sizes = [model_size(MODELS[f"{method.name}_x{scale}"]) for scale in (4, 8, 16)]
    cells = (
        method.name,
        f"{method.title}, {method.paper}",
        ", ".join(method.reads),
        ", ".join(method.supervised_by),
        numbers([size.parameters / 1e6 for size in sizes], ".2f"),
        numbers([size.macs / 1e9 for size in sizes], ".2f"),
    )
    assert f"| {' | '.join(cells)} |" in words(PAGE.read_text())
