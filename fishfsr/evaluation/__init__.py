"""Figures of a trained pair on the faces of shards, and the pages that show them.

`evaluate` is the one entry point; `docs/evaluation.md` says what every figure means.
"""

from fishfsr.evaluation.evaluate import Evaluation, Subject, evaluate
from fishfsr.evaluation.settings import EvaluationSettings

__all__ = ["Evaluation", "EvaluationSettings", "Subject", "evaluate"]
