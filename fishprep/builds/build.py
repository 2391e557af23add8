"""Specs → shards: `ShardBuilder` makes one, `Build` makes them all, resumes, tries again what was dropped."""

import errno
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from fishprep.builds import manifest
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.expected import retried_names, taken_names
from fishprep.builds.manifest import PlannedPhoto, Row, ShardRecord, Totals
from fishprep.builds.output import check_free, read_retries, read_start, remove_build, remove_leftovers, writing
from fishprep.builds.plan import Plan, ShardSpec, as_planned, divide, fingerprints
from fishprep.builds.resolve import PRODUCER, Resolved, WeightsFrom, make_pipeline, version_changes, versions_of
from fishprep.builds.samples import write_end
from fishprep.common.errors import BuildError, ConfigurationError
from fishprep.common.files import sha256_file, write_text
from fishprep.common.names import face_id
from fishprep.common.progress import Progress, Tell
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.common.words import counted, same_command
from fishprep.engines import local
from fishprep.engines.base import Done
from fishprep.faces.measures import measure
from fishprep.faces.photo import Photo
from fishprep.faces.pipeline import FacePipeline, HRFace, Outcome
from fishprep.faces.pyramid import HR_SIZE, LR_SIZES, lr_pyramid
from fishprep.parsing.base import ParsedFaces
from fishprep.parsing.skin import skin_pyramid
from fishprep.shards.schema import SCHEMA_VERSION, ShardName
from fishprep.shards.writer import Samples, write_shard

NEWS_EVERY = 64
"""Photos that are parsed together and told of together; the map of a face does not depend on the others."""
_FATAL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "file too large",
}


@dataclass(frozen=True)
class ShardResult:
    """What came of a spec, with the seconds that each stage took."""

    record: ShardRecord
    seconds: dict[str, float]


@dataclass(frozen=True)
class ShardAttributes:
    """The attributes that all shards of a build share."""

    configuration: BuildConfiguration
    recipe: str
    inputs: str
    versions: dict[str, str]

    def texts(self) -> dict[str, str]:
        """As `shards.writer.write_shard` takes them."""
        return {
            "producer": PRODUCER,
            "configuration": self.configuration.json_text(),
            "recipe": self.recipe,
            "inputs": self.inputs,
            "versions": json.dumps(self.versions, sort_keys=True),
            "weights": json.dumps(self.configuration.weights, sort_keys=True),
        }


@dataclass(frozen=True)
class BuilderFactory:
    """Makes a `ShardBuilder` in a worker process."""

    folder: Path
    attributes: ShardAttributes
    weights: WeightsFrom

    def __call__(self) -> "ShardBuilder":
        pipeline = make_pipeline(self.attributes.configuration, self.weights)
        pipeline.prove()
        return ShardBuilder(self.folder, self.attributes, pipeline)


class ShardBuilder:
    """Builds whole shards, one after another, in one process."""

    def __init__(self, folder: Path, attributes: ShardAttributes, pipeline: FacePipeline) -> None:
        self.folder = folder
        self.attributes = attributes
        self.configuration = attributes.configuration
        self.pipeline = pipeline

    def __call__(self, spec: ShardSpec, tell: Callable[[object], None]) -> ShardResult | None:
        """Write `SPLIT-NNNNN.h5` (unless nothing was kept) and then its rows; nothing at all for a trial.

        Tells of Progress and of Steps. OSError where the disk refuses; PartError where a photo makes something raise.
        """
        self.pipeline.times.seconds.clear()
        outcomes: list[Outcome] = []
        parsed: list[ParsedFaces] = []
        steps = Steps(tell)
        coming = self.pipeline.faces(spec.photos, steps, spec.alone)
        while group := list(islice(coming, 1 if spec.alone else NEWS_EVERY)):
            maps = self._parse(group, steps)
            if not spec.is_trial:
                outcomes += group
                parsed.append(maps)
                tell(_news(group))
        return None if spec.is_trial else self._finish(spec, outcomes, _joined(parsed), steps)

    def _finish(self, spec: ShardSpec, outcomes: list[Outcome], parsed: ParsedFaces, steps: Steps) -> ShardResult:
        faces = [face for outcome in outcomes for face in outcome.kept]
        with self.pipeline.times.stage("pyramid"):
            samples = self._samples(spec, outcomes, faces, parsed)
        with self.pipeline.times.stage("measure"):
            rows = list(_rows(spec, outcomes, parsed.skin, self.configuration, steps))
        with self.pipeline.times.stage("write"):
            record = self._write(spec, samples, rows)
        return ShardResult(record, dict(self.pipeline.times.seconds))

    def _parse(self, outcomes: list[Outcome], steps: Steps) -> ParsedFaces:
        faces = [face for outcome in outcomes for face in outcome.kept]
        images = _stack([face.image for face in faces], (HR_SIZE, HR_SIZE, 3), np.uint8)
        landmarks = _stack([face.landmarks for face in faces], (68, 2), np.float32)
        photos = [outcome.photo.id for outcome in outcomes if outcome.kept]
        with self.pipeline.times.stage("parse"), steps.at("parse", *photos):
            return self.pipeline.parser.parse(images, landmarks)

    def _samples(
        self, spec: ShardSpec, outcomes: list[Outcome], faces: list[HRFace], parsed: ParsedFaces
    ) -> Samples | None:
        if not faces:
            return None
        hr = np.stack([face.image for face in faces])
        return Samples(
            images={HR_SIZE: hr, **lr_pyramid(hr, self.configuration.resizer)},
            skin={HR_SIZE: parsed.skin, **skin_pyramid(parsed.skin, LR_SIZES, self.configuration.mask_resizer)},
            classes=parsed.classes if self.configuration.keep_classes else None,
            landmarks=np.stack([face.landmarks for face in faces]),
            boxes=np.array([face.box for face in faces], np.float32),
            ids=[name for outcome in outcomes for name in _face_ids(outcome, self.configuration)],
            split=spec.name.split,
        )

    def _write(self, spec: ShardSpec, samples: Samples | None, rows: list[Row]) -> ShardRecord:
        record = ShardRecord(str(spec.name), None, None, 0, 0, len(rows))
        path = self.folder / spec.name.file
        if samples is not None:
            write_shard(path, samples, self.attributes.texts())
            record = replace(
                record, file=path.name, sha256=sha256_file(path), bytes=path.stat().st_size, samples=len(samples)
            )
        return manifest.write_rows(self.folder, spec.name, rows, record)


@dataclass(frozen=True)
class Finished:
    """A build that is whole: its totals, the seconds of each stage, and how many specs were built now and before."""

    totals: Totals
    seconds: dict[str, float]
    built: int
    resumed: int


@dataclass(frozen=True)
class BuildRequest:
    """A build: what, where to, and where its weights are."""

    folder: Path
    plan: Plan
    resolved: Resolved
    weights: WeightsFrom
    origin: dict[str, Any]
    """How the source was opened, so that `retry` and `verify` can open it again."""


def build(request: BuildRequest, workers: int, tell: Tell, resume: bool = True, overwrite: bool = False) -> Finished:
    """Build every shard that is not there yet, then the manifest.

    Raises ConfigurationError where the folder holds a build of another configuration or other inputs (unless `overwrite`) or
    any build at all (with `resume` off), and BuildError where the disk is full, the folder cannot be written or another build is
    at work in it. What was finished stands in every case.
    """
    folder = request.folder
    check_free(folder, overwrite)
    with writing(folder):
        if overwrite:
            remove_build(folder, _taken_names(folder))
        planned = list(
            fingerprints(request.plan.photos, request.resolved.configuration.limits, lambda n: tell(Progress(hashed=n)))
        )
        attributes = _start(request, planned, resume)
        remove_leftovers(folder, taken_names(folder))
        done = {name: record for name, record in manifest.finished(folder).items() if manifest.stands(folder, record)}
        photos = as_planned(request.plan.photos, planned)
        specs = list(divide(photos, request.resolved.configuration.shard_size))
        todo = [spec for spec in specs if spec.name not in done]
        _refuse_other_photos(folder, [spec for spec in specs if spec.name in done])
        tell(Progress(photos=sum(len(spec.photos) for spec in specs if spec.name in done)))
        again = same_command(overwrite, resume)
        run = run_specs(BuilderFactory(folder, attributes, request.weights), todo, workers, tell, again)
        return finish(folder, run, len(specs) - len(todo), again)


def _taken_names(folder: Path) -> set[ShardName] | None:
    """None where the records are damaged that would tell."""
    try:
        return taken_names(folder)
    except BuildError:
        return None


def _refuse_other_photos(folder: Path, done: list[ShardSpec]) -> None:
    """A retry of an earlier version could take the number of a shard that was lost: its rows are not those of the build's."""
    for spec in done:
        rows = manifest.read_rows(folder / spec.name.rows_file, ["photo"])
        if set(rows["photo"].to_pylist()) != {photo.id for photo in spec.photos}:
            named = [path.name for path, record in read_retries(folder).items() if spec.name in retried_names(record)]
            raise BuildError(
                f"{folder / spec.name.rows_file} holds other photos than the plan gives it; delete it, {spec.name.file}"
                f"{''.join(f' and {name}' for name in named)}, and run the same command again"
            )


def _start(request: BuildRequest, planned: list[PlannedPhoto], resume: bool) -> ShardAttributes:
    """Compare with the build that is in the folder, or record this one."""
    folder, configuration = request.folder, request.resolved.configuration
    inputs = manifest.inputs_hash(planned)
    known = folder / manifest.CONFIGURATION
    if known.exists():
        if not resume:
            raise ConfigurationError(
                f"{folder} holds a build already: resume it, choose another folder, or --overwrite"
            )
        _refuse_changes(folder, request.resolved, planned)
    else:
        manifest.write_plan(folder / manifest.PLAN, planned)
        facts = {
            "configuration": configuration.model_dump(mode="json"),
            "recipe": request.resolved.recipe,
            "inputs": inputs,
            "versions": versions_of(configuration),
            "source": request.origin,
            "notes": list(request.plan.notes),
            "left_out": [str(left_out) for left_out in request.plan.left_out],
        }
        write_text(known, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    stored = read_start(folder)
    return ShardAttributes(configuration, stored["recipe"], inputs, stored["versions"])


def _refuse_changes(folder: Path, resolved: Resolved, planned: list[PlannedPhoto]) -> None:
    stored = read_start(folder)
    before = BuildConfiguration.recorded(stored["configuration"])
    changes = before.differences(resolved.configuration, stored["recipe"] == resolved.recipe)
    changes += version_changes(stored["versions"], resolved.configuration)
    changes += _input_changes(manifest.read_plan(folder / manifest.PLAN), planned)
    if changes:
        raise ConfigurationError(
            f"{folder} holds a build of something else. Changed since:\n  "
            + "\n  ".join(changes)
            + "\nUndo that, build into another folder, or pass --overwrite to start anew."
        )


def _input_changes(before: list[PlannedPhoto], now: list[PlannedPhoto], shown: int = 3) -> list[str]:
    old, new = ({photo.id: photo for photo in photos} for photos in (before, now))
    both = [(old[name], new[name]) for name in new if name in old]
    kinds = {
        "photos added": [name for name in new if name not in old],
        "photos gone": [name for name in old if name not in new],
        "photos changed": [is_.id for was, is_ in both if is_.sha256 != was.sha256],
        "photos in another split": [is_.id for was, is_ in both if is_.split != was.split],
        "photos at another path": [is_.id for was, is_ in both if is_.path != was.path],
        "photos of which the source says something else (points, licence, identity), though their own bytes are the same": [
            is_.id for was, is_ in both if is_.annotation != was.annotation and is_.sha256 == was.sha256
        ],
    }
    return [
        f"{kind}: {len(names)} ({', '.join(names[:shown])}{', ...' if len(names) > shown else ''})"
        for kind, names in kinds.items()
        if names
    ]


@dataclass(frozen=True)
class Run:
    """What came of the specs of one run; `failures` are those that were not built, with the reason."""

    failures: tuple[tuple[str, str], ...]
    seconds: dict[str, float]
    built: int


def run_specs(factory: BuilderFactory, todo: list[ShardSpec], workers: int, tell: Tell, again: str) -> Run:
    """Build specs in worker processes. BuildError at once where the disk takes no more; other failures are collected.

    again: the command that goes on with what stands, in words.
    """
    failures: list[tuple[str, str]] = []
    seconds: dict[str, float] = {}
    built = 0
    if not todo:
        return Run((), seconds, 0)
    limit = factory.attributes.configuration.max_seconds
    for event in local.run(factory, todo, min(workers, len(todo)), tell, limit):  # type: ignore[arg-type]
        if isinstance(event, Done):
            built += 1
            assert event.result is not None  # only a trial has none
            for stage, spent in event.result.seconds.items():
                seconds[stage] = seconds.get(stage, 0.0) + spent
            continue
        failures.append((str(event.spec.name), event.reason))
        if event.system_error in _FATAL:
            raise BuildError(
                f"{factory.folder}: {_FATAL[event.system_error]}, while writing {event.spec.name}. "
                f"Finished shards are kept: make room and run {again} again."
            )
    return Run(tuple(failures), seconds, built)


def finish(folder: Path, run: "Run", resumed: int, again: str) -> Finished:
    """The manifest of a build that is whole; BuildError, and no manifest, where specs failed."""
    if run.failures:
        listed = "\n  ".join(f"{name}: {reason}" for name, reason in run.failures)
        raise BuildError(
            f"{folder}: {counted(len(run.failures), 'shard')} could not be built:\n  {listed}\n"
            f"The others are kept; run {again} again to try these once more."
        )
    return Finished(write_manifest(folder), run.seconds, run.built, resumed)


def write_manifest(folder: Path) -> Totals:
    """`manifest.json` and `samples.parquet` from what stands in a folder."""
    return write_end(folder, *manifest_facts(folder))


def manifest_facts(folder: Path) -> tuple[BuildConfiguration, dict[str, Any]]:
    """The configuration of a build, and what else its manifest says that does not follow from rows."""
    start = read_start(folder)
    configuration = BuildConfiguration.recorded(start.pop("configuration"))
    return configuration, {
        "schema_version": SCHEMA_VERSION,
        "producer": PRODUCER,
        **start,
        "retries": list(read_retries(folder).values()),
    }


def _news(outcomes: list[Outcome]) -> Progress:
    return Progress(len(outcomes), sum(len(o.kept) for o in outcomes), sum(len(o.dropped) for o in outcomes))


def _joined(parts: list[ParsedFaces]) -> ParsedFaces:
    classes = [part.classes for part in parts if part.classes is not None]
    return ParsedFaces(np.concatenate([part.skin for part in parts]), np.concatenate(classes) if classes else None)


def _face_ids(outcome: Outcome, configuration: BuildConfiguration) -> list[str]:
    numbered = configuration.faces == "all" and len(outcome.kept) > 1
    return [face_id(outcome.photo.id, number if numbered else None) for number in range(len(outcome.kept))]


def _rows(
    spec: ShardSpec, outcomes: list[Outcome], skin: np.ndarray, configuration: BuildConfiguration, steps: Steps
) -> Iterator[Row]:
    index = 0
    for outcome in outcomes:
        dropped = outcome.dropped if outcome.kept else (_one_problem(outcome.dropped),)
        for name, face in zip(_face_ids(outcome, configuration), outcome.kept, strict=True):
            side = max(face.box[2] - face.box[0], face.box[3] - face.box[1])
            with steps.at("measure", outcome.photo.id):
                measures = measure(face.image, skin[index], face.landmarks, side)
            yield replace(
                _row(outcome, name, spec.name.split, Status.OK, ""),
                identity=outcome.photo.identity if face.is_subject else None,
                shard=str(spec.name),
                index=index,
                box=face.box,
                landmark_backend=face.backend,
                score=face.score if math.isfinite(face.score) else None,
                measures=measures,
            )
            index += 1
        for problem in dropped:
            row = _row(outcome, face_id(outcome.photo.id, None), spec.name.split, problem.status, problem.reason)
            yield replace(row, identity=None) if outcome.kept else row  # of a face beside others: whose, nobody knows


def _one_problem(problems: tuple[Problem, ...]) -> Problem:
    """A photo of which nothing was kept has one row: its first problem, and how many faces had one."""
    if len(problems) == 1:
        return problems[0]
    return Problem(problems[0].status, f"{len(problems)} faces, none kept: " + "; ".join(p.reason for p in problems))


def _row(outcome: Outcome, name: str, split: str, status: Status, reason: str) -> Row:
    photo: Photo = outcome.photo
    return Row(
        id=name,
        photo=photo.id,
        path=photo.relative,
        sha256=outcome.sha256,
        split=split,
        status=status,
        reason=reason,
        licence=photo.licence,
        note=outcome.note or None,
        identity=photo.identity,
        width=outcome.width,
        height=outcome.height,
    )


def _stack(arrays: list[np.ndarray], shape: tuple[int, ...], dtype: type) -> np.ndarray:
    return np.stack(arrays) if arrays else np.empty((0, *shape), dtype)
