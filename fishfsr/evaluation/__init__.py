"""Figures of a trained pair on the faces of shards, and the pages that show them.

`evaluate` is the one entry point; `docs/evaluation.md` says what every figure means. The way of a batch: `faces` reads it,
`methods` enlarges it, `measures` makes a column of numbers of each method; then `summary` makes figures of the columns, `shown`
takes the faces to look at, `tables`, `plots` and `page` write it all down, under `provenance`.
"""

from fishfsr.evaluation.evaluate import Evaluation, evaluate
from fishfsr.evaluation.settings import EvaluationSettings

__all__ = ["Evaluation", "EvaluationSettings", "evaluate"]
