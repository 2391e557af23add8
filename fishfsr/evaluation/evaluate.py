"""Checkpoint and shards → figures → files that people look at."""

from dataclasses import dataclass
from pathlib import Path

from fishfsr.checkpoint import Checkpoint
from fishfsr.errors import ConfigurationError
from fishfsr.evaluation import grids, page, per_face, provenance
from fishfsr.evaluation.faces import Faces
from fishfsr.evaluation.markdown import markdown
from fishfsr.evaluation.measures import PSNR, Measurer, Measures
from fishfsr.evaluation.methods import Methods
from fishfsr.evaluation.provenance import Provenance
from fishfsr.evaluation.ranking import Sheet, sheets
from fishfsr.evaluation.settings import EvaluationSettings, Tell
from fishfsr.evaluation.shown import Face, draw
from fishfsr.evaluation.statistics import Bootstrap
from fishfsr.evaluation.summary import Figurer, Summary
from fishfsr.identity import DeepFaceEmbedder, DlibEmbedder, Embedder
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.metrics import get_protocol
from fishprep.common.files import atomic, write_text

SUMMARY, MARKDOWN, TABLE, PAGE, GRIDS = "summary.json", "summary.md", "per_face.csv", "index.html", "grids"
SHEETS = ("worst", "median", "best", "all", "maps")
MAP_FACES = 4
"""Faces in the grid of maps: taken from the middle sheet, which is about the median."""


@dataclass(frozen=True)
class Subject:
    """What is evaluated: the checkpoint that was read from `path`, made ready by `resolver`."""

    path: Path
    checkpoint: Checkpoint
    resolver: FaceSuperResolver


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures, the numbers they come from, and the faces that are shown."""

    summary: Summary
    measures: Measures
    faces: Faces
    sheets: tuple[Sheet, ...]
    shown: dict[int, Face]

    @property
    def headline(self) -> str:
        """The map that the figures are of."""
        return self.summary.maps[0].choice.name

    @property
    def map_faces(self) -> list[Face]:
        """The faces by which maps are compared."""
        if len(self.summary.maps) < 2 or not self.sheets:
            return []
        middle = self.sheets[len(self.sheets) // 2]
        return [self.shown[number] for number in middle.numbers[:MAP_FACES]]

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, the summary last; files of an earlier evaluation there are replaced.

        Raises ConfigurationError where the folder cannot be written.
        """
        try:
            (folder / GRIDS).mkdir(parents=True, exist_ok=True)
            for name in (SUMMARY, MARKDOWN, TABLE, PAGE, *(f"{GRIDS}/{sheet}.png" for sheet in SHEETS)):
                (folder / name).unlink(missing_ok=True)
            self._save_grids(folder / GRIDS)
            write_text(folder / TABLE, per_face.table(self.faces, self.measures, self.headline))
            write_text(folder / PAGE, page.render(self))
            write_text(folder / MARKDOWN, markdown(self.summary))
            write_text(folder / SUMMARY, self.summary.to_json())
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot be written: {error.strerror or error}") from error

    def _save_grids(self, folder: Path) -> None:
        pictures = {
            sheet.name: grids.sheet_grid([self.shown[number] for number in sheet.numbers], self.headline)
            for sheet in self.sheets
        }
        if self.map_faces:
            pictures["maps"] = grids.map_grid(self.map_faces, [row.choice for row in self.summary.maps])
        for name, picture in pictures.items():
            with atomic(folder / f"{name}.png") as temporary:
                picture.save(temporary, "PNG")


def _silent(doing: str, done: int, total: int) -> None:
    """Progress that nobody asked for."""


def evaluate(subject: Subject, shards: Path, settings: EvaluationSettings, tell: Tell = _silent) -> Evaluation:
    """Measure `subject` on a split of the folder `shards`; the same inputs, device and threads give the same numbers.

    `tell` hears of the progress. Raises CheckpointError where a network that is needed is missing, ShardError where the
    shards do not fit, MissingExtraError without the embedder's library, ConfigurationError where the settings do not
    go with the faces.
    """
    embedder = _embedder(settings)
    faces = Faces(shards, settings.split, subject.resolver.scale, settings.limit)
    methods = Methods(subject.resolver, faces, settings.maps, settings.seed)
    measures = Measurer(methods, get_protocol(settings.protocol), embedder).measure(settings.batch, tell)
    chosen = sheets(measures.methods[methods.headline][PSNR], settings.shown)
    figurer = Figurer(Bootstrap(settings.seed, settings.resamples))
    summary = figurer.summary(measures, methods, _provenance(subject, faces, methods, embedder, settings))
    tell("drawing", len(faces), len(faces))
    return Evaluation(summary, measures, faces, tuple(chosen), draw(methods, chosen, settings.batch))


def _provenance(
    subject: Subject, faces: Faces, methods: Methods, embedder: Embedder | None, settings: EvaluationSettings
) -> Provenance:
    protocol, scale = get_protocol(settings.protocol), subject.resolver.scale
    identity = None if embedder is None else embedder.name
    return Provenance(
        checkpoint=provenance.checkpoint_facts(subject.path, subject.checkpoint),
        shards=provenance.shard_facts(faces),
        scale=scale,
        protocol=protocol.name,
        protocol_words=provenance.in_words(protocol, scale),
        map=methods.headline,
        identity=identity,
        runs_on=provenance.runs_on(subject.resolver),
        seed=settings.seed,
        resamples=settings.resamples,
        versions=provenance.versions(identity),
    )


def _embedder(settings: EvaluationSettings) -> Embedder | None:
    if settings.identity == "none":
        return None
    return DlibEmbedder() if settings.identity == "dlib" else DeepFaceEmbedder()
