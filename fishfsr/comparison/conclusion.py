"""What may be concluded from a comparison, and what not, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from fishfsr.comparison.intervals import is_apart
from fishfsr.comparison.rows import ComparedRow
from fishfsr.evaluation.measures import PSNR
from fishprep.common.words import counted

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Circumstances:
    """What the figures are of: `faces` measured, the `budget` of each training, the name of the `reference`."""

    scale: int
    faces: int
    budget: str
    reference: str


def conclude(rows: Sequence[ComparedRow], of: Circumstances) -> tuple[str, ...]:
    """The order, what is apart from the reference, how it stands beside the paper's order, and what the figures do not say."""
    ranked = sorted((row for row in rows if row.measured), key=lambda row: -row.psnr)
    if len(ranked) < 2:
        return ("Nothing can be concluded yet: fewer than two methods are measured.",)
    order = ", ".join(f"{row.title} {row.psnr:.2f}" for row in ranked)
    said = [
        f"On {counted(of.faces, 'face')} at x{of.scale}, after {of.budget} by each method, the order by PSNR (dB) is: "
        f"{order}."
    ]
    said += _apart(ranked, of.reference)
    said += _beside_paper(ranked)
    said += _seeds(ranked)
    said += _not_said(rows)
    return tuple(said)


def _apart(ranked: Sequence[ComparedRow], reference: str) -> list[str]:
    titles = {row.name: row.title for row in ranked}
    if reference not in titles:
        return []
    title, others = titles[reference], [row for row in ranked if row.name != reference and PSNR in row.differences]
    groups = {
        "better than": [
            row for row in others if is_apart(row.differences[PSNR]) and (row.differences[PSNR].mean or 0) > 0
        ],
        "worse than": [
            row for row in others if is_apart(row.differences[PSNR]) and (row.differences[PSNR].mean or 0) < 0
        ],
        "not told apart from": [row for row in others if not is_apart(row.differences[PSNR])],
    }
    parts = [f"{kind} it {_listed(each)}" for kind, each in groups.items() if each]
    return [f"Held against {title} face by face (95 % intervals over faces): {'; '.join(parts)}."] if parts else []


def _beside_paper(ranked: Sequence[ComparedRow]) -> list[str]:
    both = [row for row in ranked if row.paper is not None]
    if len(both) < 3:
        return []
    theirs = sorted(both, key=lambda row: -row.paper.psnr)  # type: ignore[union-attr]
    agreeing, pairs = _pairs(both)
    order = ", ".join(row.title for row in theirs)
    return [
        f"The paper's order of the same methods is: {order}. Of {pairs} pairs of methods {agreeing} stand in the same order here."
    ]


def _pairs(rows: Sequence[ComparedRow]) -> tuple[int, int]:
    """Pairs that stand in the same order here and in the paper, and all of them (those that are equal in the paper are left out)."""
    agreeing = pairs = 0
    for place, one in enumerate(rows):
        for other in rows[place + 1 :]:
            assert one.paper is not None and other.paper is not None
            theirs = one.paper.psnr - other.paper.psnr
            if theirs:
                pairs += 1
                agreeing += (one.psnr - other.psnr) * theirs > 0
    return agreeing, pairs


def _seeds(ranked: Sequence[ComparedRow]) -> list[str]:
    spreads = [row.spread.high - row.spread.low for row in ranked if row.spread is not None]
    if not spreads:
        return [
            "One training each: how much another seed would change a row is not known, and the intervals do not hold it."
        ]
    seeds = max(row.seeds for row in ranked)
    return [
        f"Up to {seeds} seeds a method: their PSNR lies up to {max(spreads):.2f} dB apart; "
        "a difference between methods that is smaller than that means nothing."
    ]


def _not_said(rows: Sequence[ComparedRow]) -> list[str]:
    narrowed = [row for row in rows if row.cost is not None and row.cost.width != row.cost.full_width]
    said = "This is what each comes to on this budget, not what it comes to in the end: methods that learn slowly are at a disadvantage."
    if narrowed:
        listed = ", ".join(f"{row.title} ({row.cost.width} of {row.cost.full_width})" for row in narrowed if row.cost)
        said += f" Narrowed networks were trained, and nothing is said of the full ones: {listed}."
    failed = [row.title for row in rows if row.error is not None]
    return [said, *([f"Not in the order, as they failed: {', '.join(failed)}."] if failed else [])]


def _listed(rows: Sequence[ComparedRow]) -> str:
    def text(row: ComparedRow) -> str:
        difference = row.differences[PSNR].mean
        return f"{row.title} ({f'{difference:+.2f}'.replace('-', MINUS)})"

    return ", ".join(map(text, rows))
