"""Checkpoint and shards → figures → files that people look at."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fishfsr.checkpoint import load_checkpoint
from fishfsr.data.degradation import Degradation
from fishfsr.data.near import Fetching
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.evaluation import provenance, tables
from fishfsr.evaluation.faces import SplitFaces
from fishfsr.evaluation.kept import KeptVectors
from fishfsr.evaluation.measures import PSNR, MeasuredFaces, Measurer, per_face_table
from fishfsr.evaluation.methods import Methods
from fishfsr.evaluation.page import render_page
from fishfsr.evaluation.provenance import CheckpointFacts, Provenance
from fishfsr.evaluation.settings import EvaluationSettings, TellMeasured, parse_choices
from fishfsr.evaluation.shown import SHEETS, ShownFaces, show
from fishfsr.evaluation.summary import Bootstrap, Figurer, Summary
from fishfsr.identity import DeepFaceEmbedder, DlibEmbedder, Embedder
from fishfsr.inference.find import find_checkpoint
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.metrics import get_protocol
from fishfsr.perceptual import Lpips
from fishprep.common.cores import available_cores
from fishprep.common.files import atomic, read_text, sweep_below, write_text
from fishprep.storage.folder import FolderStorage
from fishprep.storage.own import refuse_foreign, says

SUMMARY, MARKDOWN, TABLE, PAGE, GRIDS = "summary.json", "summary.md", "per_face.csv", "index.html", "grids"
FILES = (MARKDOWN, TABLE, PAGE, *(f"{GRIDS}/{sheet}.png" for sheet in SHEETS), SUMMARY)
"""Of an evaluation; the last is what it is known by."""

UNFINISHED = '{"figures": null, "provenance": null}\n'
"""The summary while the first evaluation in a folder is written: its files are known for ours if that is stopped."""

MOST_PROCESSES = 16
"""That compute identity vectors: a batch has no more faces for more."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures, the numbers they come from, and the faces that are shown."""

    summary: Summary
    measures: MeasuredFaces
    faces: SplitFaces
    shown: ShownFaces

    def text(self) -> str:
        """The tables for people, with what they are of."""
        return tables.all_tables(self.summary)

    def save(self, folder: Path) -> None:
        """Write everything into `folder`, the summary last; files of an earlier evaluation there are replaced, each when the new one
        is whole. Stopped in between, the same call may write it again.

        Raises ConfigurationError where the folder cannot be written.
        """
        try:
            (folder / GRIDS).mkdir(parents=True, exist_ok=True)
            FolderStorage(folder).sweep(lambda name: name in FILES)
            sweep_below(folder / GRIDS, ".png")
            if not (folder / SUMMARY).exists():
                write_text(folder / SUMMARY, UNFINISHED)
            grids = self.shown.grids()
            for name, picture in grids.items():
                with atomic(folder / GRIDS / f"{name}.png") as temporary:
                    picture.save(temporary, "PNG")
            for name in set(SHEETS) - grids.keys():
                (folder / GRIDS / f"{name}.png").unlink(missing_ok=True)
            write_text(folder / TABLE, per_face_table(self.faces, self.measures, self.summary.headline))
            write_text(folder / PAGE, render_page(self.summary, self.measures, self.shown))
            write_text(folder / MARKDOWN, tables.markdown(self.summary))
            write_text(folder / SUMMARY, self.summary.to_json())
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _silent(doing: str, done: int, total: int) -> None:
    """Progress that nobody asked for."""


def evaluate(
    model: str | Path,
    shards: str | Path,
    settings: EvaluationSettings | None = None,
    tell: TellMeasured = _silent,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    cache: Path | None = None,
    **changes: Any,
) -> Evaluation:
    """Measure `model` ("x8" and the like of the shipped pairs, a training run's folder, a file) on a split of the folder `shards`, or of
    a bucket (`s3://bucket/prefix`, fetched once into the folder `cache`).

    `changes`: fields of `settings` by name, `maps` also as texts: `maps=["estimated", "truth"]`. `out`: a folder into which all
    is written, in the place of an earlier evaluation with `overwrite`.

    The same inputs, device and threads give the same numbers. `tell` hears of the progress. Raises CheckpointError where
    it cannot be read, is of another scale than asked for, or lacks a network that is needed; DataError where there are no
    shards of the split or they do not go together, ShardError for a damaged one, MissingExtraError without the embedder's
    library, ConfigurationError where the settings do not go with the faces, or `out` holds other things, DeviceError.
    """
    if out is not None:
        check_out(out, overwrite)
    if "maps" in changes:
        changes["maps"] = parse_choices([text if isinstance(text, str) else text.name for text in changes["maps"]])
    settings = replace(settings or EvaluationSettings(), **changes)
    found = _evaluate(find_checkpoint(model), shards, settings, tell, cache)
    if out is not None:
        found.save(out)
    return found


def check_out(out: Path, overwrite: bool) -> None:
    """Raise ConfigurationError where `out` holds an evaluation that is not to be replaced, or files of others by its names."""
    if not says(out / SUMMARY, ("figures", "provenance")):
        refuse_foreign((out / name for name in FILES), "evaluation")
    if (out / SUMMARY).exists() and not overwrite and read_text(out / SUMMARY) != UNFINISHED:
        raise ConfigurationError(f"{out}: holds an evaluation; replace it with --overwrite, or name another --out")


def _evaluate(
    path: Path, shards: str | Path, settings: EvaluationSettings, tell: TellMeasured, cache: Path | None
) -> Evaluation:
    checkpoint = load_checkpoint(path)
    resolver = FaceSuperResolver(checkpoint, settings.device, settings.options)
    if settings.scale is not None and resolver.scale != settings.scale:
        raise CheckpointError(f"{path}: a checkpoint of scale {resolver.scale}, not {settings.scale}")
    degradation = Degradation.model_validate({"name": settings.degradation})
    files = Fetching((settings.split,), resolver.scale, cache).near([shards], lambda text: None)
    faces = SplitFaces(shards, settings.split, resolver.scale, settings.limit, degradation, files, settings.where)
    methods = Methods(resolver, faces, settings.maps, settings.seed)
    perceptual = Lpips.load().to(resolver.device) if settings.lpips else None
    with embedding(settings, faces) as (embedder, kept):
        measures = Measurer(methods, get_protocol(settings.protocol), embedder, kept, perceptual).measure(
            settings.batch, tell
        )
    figurer = Figurer(Bootstrap(settings.seed, settings.resamples))
    facts = provenance.checkpoint_facts(path, checkpoint)
    summary = figurer.summary(measures, methods, _provenance(facts, methods, embedder, settings))
    tell("drawing", len(faces), len(faces))
    shown = show(methods, measures.methods[methods.headline][PSNR], settings.shown, settings.batch)
    return Evaluation(summary, measures, faces, shown)


def _provenance(
    checkpoint: CheckpointFacts, methods: Methods, embedder: Embedder | None, settings: EvaluationSettings
) -> Provenance:
    protocol, scale = get_protocol(settings.protocol), methods.resolver.scale
    identity = None if embedder is None else embedder.name
    return Provenance(
        checkpoint=checkpoint,
        shards=provenance.shard_facts(methods.faces),
        scale=scale,
        protocol=protocol.name,
        protocol_words=provenance.in_words(protocol, scale),
        map=methods.headline,
        identity=identity,
        runs_on=provenance.runs_on(methods.resolver),
        seed=settings.seed,
        resamples=settings.resamples,
        degradation=methods.faces.degradation.model_dump(mode="json"),
        versions=provenance.figure_versions(identity),
    )


@contextmanager
def embedding(settings: EvaluationSettings, faces: SplitFaces) -> Iterator[tuple[Embedder | None, KeptVectors | None]]:
    """The embedder, on as many cores as have something to do; what it finds of HR faces is kept beside their shards."""
    if settings.identity != "dlib":
        yield (DeepFaceEmbedder() if settings.identity == "deepface" else None), None
        return
    with closing(DlibEmbedder(min(available_cores(), MOST_PROCESSES, 1 + len(faces) // settings.batch))) as embedder:
        kept = KeptVectors(faces, embedder.made_by)
        try:
            yield embedder, kept
        finally:
            kept.save()
