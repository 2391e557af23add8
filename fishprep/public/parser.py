"""`fishprep.train_parser`, `fishprep.evaluate_parser`: a face parser from labelled faces, and its figures."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fishprep.common.device import gains_by_bfloat16, resolve_device
from fishprep.common.progress import TellCount
from fishprep.common.stop import StopRequest
from fishprep.common.threads import threads
from fishprep.common.weights import WeightStore
from fishprep.landmarks import LandmarkRequest, create_backend
from fishprep.landmarks.base import LandmarkBackend
from fishprep.parsing.base import Precision
from fishprep.parsing.evaluation.evaluate import ParserEvaluation
from fishprep.parsing.evaluation.evaluate import evaluate_parser as measure
from fishprep.parsing.evaluation.worst import draw_worst
from fishprep.parsing.labelled import has_split, numbering, open_labelled
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.kinds import network_kind
from fishprep.parsing.plausible import shares_text
from fishprep.parsing.training.config import ParserTraining
from fishprep.parsing.training.parsed import open_parsed
from fishprep.parsing.training.run import (
    ParserTrained,
    ParserTrainingReport,
    ParserTrainingRequest,
    ParserValidated,
)
from fishprep.parsing.training.run import train_parser as run_training
from fishprep.parsing.training.views import ViewSettings
from fishprep.public.news import unheard
from fishprep.public.planning import optional_path
from fishprep.public.settings import ParserEvaluationSettings, ParserTrainingSettings, StrPath


@dataclass(frozen=True)
class MasksChecked:
    """How many masks were held against what their numbers are said to be, of how many."""

    done: int
    total: int


@dataclass(frozen=True)
class ParserPlanned:
    """What is trained on: numbers of faces, labelled by hand and by a parser (`parsed` and `validation` may be 0), shares of the
    classes in words; where and in what.
    """

    faces: int
    parsed: int
    validation: int
    classes: str
    device: str
    precision: str


ParserNews = MasksChecked | ParserPlanned | ParserTrained | ParserValidated


def train_parser(
    labelled: StrPath,
    out: StrPath,
    settings: ParserTrainingSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Callable[[ParserNews], None] = unheard,
) -> ParserTrainingReport:
    """Train a parser on the faces in the folder `labelled` into the folder `out`; the same call goes on where it was stopped.

    `out`/parser.safetensors is what `parser_weights` takes. Ctrl-C and SIGTERM save and stop: the report's `reason` says so.
    Raises SourceError, ConfigurationError (also where `out` holds a training of other settings), WeightsError for an unfit
    `init`, BuildError where the loss is not finite or the disk does not take what is written.
    """
    settings, folder = settings or ParserTrainingSettings(), Path(labelled)
    device = resolve_device(settings.device)
    config = _training(settings)
    parsed = open_parsed([Path(folder) for folder in settings.parsed])
    if settings.precision == "auto":
        precision = Precision.BFLOAT16 if gains_by_bfloat16(device) else Precision.FLOAT32
    else:
        precision = Precision.of(settings.precision, "--precision")
    numbers = numbering(settings.classes)

    def checked(done: int, total: int) -> None:
        progress(MasksChecked(done, total))

    faces = open_labelled(folder, "train", numbers, checked)
    validation = open_labelled(folder, "val", numbers, checked) if has_split(folder, "val") else None
    request = ParserTrainingRequest(
        out=Path(out),
        config=config,
        faces=faces,
        validation=validation,
        landmarks=_landmarks(),
        device=str(device),
        precision=precision,
        init=optional_path(settings.init),
        parsed=parsed,
        threads=settings.threads,
        every=settings.validate_every,
        licence=settings.licence,
        overwrite=overwrite,
    )
    held = 0 if validation is None else len(validation)
    drawn = 0 if parsed is None else len(parsed)
    progress(ParserPlanned(len(faces), drawn, held, shares_text(faces.shares()), str(device), str(precision)))
    with StopRequest(settings.max_minutes) as stop:
        return run_training(request, stop, progress)


@dataclass(frozen=True)
class ParserFigures:
    """What was found, on how many faces, and the side of the parser's input."""

    found: ParserEvaluation
    faces: int
    size: int
    precision: str


def evaluate_parser(
    weights: StrPath,
    labelled: StrPath,
    settings: ParserEvaluationSettings | None = None,
    *,
    worst: StrPath | None = None,
    progress: TellCount = lambda done, total: None,
) -> ParserFigures:
    """Measure the parser in the file `weights` on the faces in the folder `labelled`: whole pictures, the 128² crops that a build
    makes of them, and the skin map brought to 64, 32, 16 and 8.

    worst: write a picture of the worst crops there. progress: is told how many faces are done, and of how many. Raises
    WeightsError, SourceError, ConfigurationError.
    """
    settings = settings or ParserEvaluationSettings()
    device = str(resolve_device(settings.device))
    precision = None if settings.precision is None else Precision.of(settings.precision, "--precision")
    with threads(settings.threads):
        network = NetworkParser(NetworkSettings(settings.size, device, precision), Path(weights))
        faces = open_labelled(Path(labelled), settings.split, numbering(settings.classes))
        backend = _landmarks()
        found = measure(network, faces, backend, progress)
        if worst is not None and found.crop_iou:
            draw_worst(Path(worst), found, network, faces, backend)
    return ParserFigures(found, len(faces), network.size, str(network.settings["precision"]))


def _training(settings: ParserTrainingSettings) -> ParserTraining:
    named = ("network", "steps", "batch", "lr", "ema", "rare", "seed", "dice")
    return ParserTraining(
        **{name: getattr(settings, name) for name in named},
        size=settings.size or network_kind(settings.network).size,
        parsed=settings.parsed_share if settings.parsed else 0.0,
        views=ViewSettings(crops=settings.crops),
    )


def _landmarks() -> LandmarkBackend:
    return create_backend(LandmarkRequest(), WeightStore.from_environment())
