"""A whole comparison: shards → trainings under one budget → measures of all on the same faces → a page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fishfsr.comparison.folder import PAGE, ComparisonFolder
from fishfsr.comparison.measures import Measuring
from fishfsr.comparison.news import ComparisonListener, ComparisonNews, FacesMeasured
from fishfsr.comparison.paper import paper_rows
from fishfsr.comparison.plan import ComparisonPlan, Entrant, comparison_plan
from fishfsr.comparison.request import ComparisonRequest
from fishfsr.comparison.result import Comparison
from fishfsr.comparison.scores import Scores
from fishfsr.comparison.shared import find_fans, find_given
from fishfsr.comparison.trained import EXPECTED, Account, Stopped
from fishfsr.comparison.trainings import Trainings
from fishfsr.data.degradation import Degradation
from fishfsr.data.near import Fetching
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.methods import BICUBIC
from fishfsr.methods.fan import FanWeights
from fishfsr.training.journal import Note
from fishprep.common.device import resolve_device
from fishprep.common.stop import Reason
from fishprep.storage.base import InUseError
from fishprep.storage.lock import locked


@dataclass(frozen=True, eq=False)
class ComparisonOutcome:
    """`comparison` of what is there; `reason`: why it was stopped, None where all is done. `page`: its file."""

    comparison: Comparison
    reason: Reason | None
    page: Path


def _deaf(news: ComparisonNews) -> None:
    """News that nobody asked for."""


def compare(request: ComparisonRequest, listen: ComparisonListener = _deaf) -> ComparisonOutcome:
    """Train and measure what is asked for, or what is left of it, and write the page; it is written anew after each method.

    A method that fails is a row with its error, and the others go on. Ctrl-C and SIGTERM during a training save it and end in an
    outcome that says so; the same request goes on from there, to the same bytes of weights and figures where the budget is of faces.
    Raises FishFSRError (ConfigurationError for settings or a folder that do not fit, DataError without faces to measure), and
    ShardError for damaged shards of the measured split.
    """
    plan = comparison_plan(request.settings)
    paper_rows(request.paper, plan.settings.scale)
    resolve_device(plan.settings.evaluation.device)
    fans = find_fans(plan)
    try:
        with locked(request.out):
            return _run(request, plan, fans, listen)
    except InUseError as error:
        raise ConfigurationError(f"{request.out}: another process is at work in it") from error


def _run(
    request: ComparisonRequest, plan: ComparisonPlan, fans: Mapping[str, FanWeights], listen: ComparisonListener
) -> ComparisonOutcome:
    folder = ComparisonFolder(request.out)
    measuring = Measuring(_faces(request, listen), plan.settings.evaluation, folder)
    given = find_given(request.init, plan, folder)
    folder.prepare({**plan.facts(fans), "init": {name: each.sha256 for name, each in given.items()}}, request.overwrite)
    for each in given.values():
        each.write()
    trainings = Trainings(request, plan, folder, given, listen)
    scores = Scores(plan, trainings, measuring, fans, request.paper)
    scores.measured[BICUBIC] = measuring.bicubic(_telling("Bicubic", listen))
    reason: Reason | None = None
    try:
        done = [entry for entry in plan.order if trainings.is_done(entry)]
        for place, entry in enumerate((*done, *(entry for entry in plan.order if entry not in done)), 1):
            account = trainings.contestant(entry, f"{place} of {len(plan.entries)}")
            if account.error is None:
                _measure(entry, account, scores, listen)
            if place >= len(done):  # no page is without what was on the one before
                scores.comparison().save(folder.path)
    except Stopped as stopped:
        reason = stopped.reason
    comparison = scores.comparison()
    comparison.save(folder.path)
    return ComparisonOutcome(comparison, reason, folder.path / PAGE)


def _measure(entry: Entrant, account: Account, scores: Scores, listen: ComparisonListener) -> None:
    """One training; where its checkpoint cannot be measured that is what came of it."""
    title = entry.contestant.title
    try:
        scores.measured[entry.name] = scores.measuring.checkpoint(account.path, _telling(title, listen))
    except EXPECTED as error:
        scores.trainings.accounts[entry.name] = Account(error=f"not measured: {error}")
        listen(Note(f"{title} could not be measured: {error}"))


def _faces(request: ComparisonRequest, listen: ComparisonListener) -> SplitFaces:
    """Those that all are measured on."""
    evaluation, scale = request.settings.evaluation, request.settings.scale
    files = Fetching((evaluation.split,), scale, request.cache).near(request.shards, lambda text: listen(Note(text)))
    named = ", ".join(map(str, request.shards))
    degradation = Degradation.model_validate({"name": evaluation.degradation})
    return SplitFaces(named, evaluation.split, scale, evaluation.limit, degradation, files, evaluation.where)


def _telling(title: str, listen: ComparisonListener) -> Callable[[str, int, int], None]:
    return lambda doing, done, total: listen(FacesMeasured(title, done, total))
