"""The way of a batch of photos to HR faces: read, decode, find, choose, crop, resize. Knows nothing of maps and of files written."""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fishprep.common import names
from fishprep.common.errors import DecodeError, SourceError, reason_of
from fishprep.common.status import Problem, Status
from fishprep.common.steps import Steps
from fishprep.common.words import joined
from fishprep.decoding.decode import Picture, decode_picture
from fishprep.faces.ahead import ReadPhoto, is_far, read_ahead, waited_for, work_ahead
from fishprep.faces.crop import UNCROPPED, cut, outside_share, to_crop
from fishprep.faces.fingerprint import annotation
from fishprep.faces.outcome import HRFace, Outcome
from fishprep.faces.photo import Photo
from fishprep.faces.pyramid import hr_face
from fishprep.faces.settings import FaceSettings
from fishprep.faces.times import StageTimes
from fishprep.landmarks.annotation import read_points
from fishprep.landmarks.base import Box, Candidate, Face, LandmarkBackend, Query, Reference
from fishprep.landmarks.credible import credible
from fishprep.landmarks.known_place import known_eyes
from fishprep.landmarks.select import disagreement, select, subject
from fishprep.landmarks.sense import Shown, misplacement
from fishprep.places.base import UNKNOWN, Stamp
from fishprep.shards.schema import HR_SIZE

BATCH_PHOTOS = 32
BATCH_PIXELS = 40_000_000
"""A batch is closed at whichever comes first, so that memory is bounded whatever the photos' sizes."""


@dataclass(frozen=True, eq=False)
class _Decoded:
    outcome: Outcome
    query: Query | None = None

    @property
    def pixels(self) -> int:
        return self.query.image.shape[0] * self.query.image.shape[1] if self.query else 0


@dataclass(frozen=True, eq=False)
class _Found:
    """What a search found in a photo; candidate: where it found nothing at all."""

    faces: list[Face]
    candidate: Candidate | None = None


class FacePipeline:
    """Photos → HR faces with landmarks. decoders: threads that decode ahead; the outcomes do not depend on it."""

    def __init__(self, settings: FaceSettings, backend: LandmarkBackend, decoders: int = 1) -> None:
        self.settings = settings
        self.backend = backend
        self.decoders = decoders
        self.times = StageTimes()

    def prove(self) -> None:
        """Search once: a device that cannot is found out here, and not by every photo."""
        self.backend.detect([Query(np.zeros((HR_SIZE, HR_SIZE, 3), np.uint8))])

    def faces(self, photos: Iterable[Photo], steps: Steps | None = None, alone: bool = False) -> Iterator[Outcome]:
        """The outcome of each photo, in order. The next photo is read and decoded while a batch is searched for faces.

        steps: told of what is at work on which photos. alone: one photo after another, none ahead and none together; the outcomes
        are the same. PartError where the search for faces raises, whatever it raises; all else that a photo does to what works on
        it is a problem of its outcome.
        """
        steps = steps or Steps()
        batch: list[_Decoded] = []
        pixels = 0
        limits = self.settings.limits
        decoded_photos = (
            (self._decode(photo, lambda p=photo: p.place.read(limits), steps) for photo in photos)  # type: ignore[misc]
            if alone
            else self._decode_ahead(read_ahead(photos, limits), steps)
        )
        for decoded in decoded_photos:
            batch.append(decoded)
            pixels += decoded.pixels
            if alone or len(batch) >= BATCH_PHOTOS or pixels >= BATCH_PIXELS:
                yield from self._search(batch, steps)
                batch, pixels = [], 0
        yield from self._search(batch, steps)

    def _decode_ahead(self, photos: Iterable[tuple[Photo, ReadPhoto]], steps: Steps) -> Iterator[_Decoded]:
        """One photo ahead by one thread, or a batch by several, unless it is large already."""
        return work_ahead(
            lambda each: self._decode(*each, steps),
            photos,
            self.decoders,
            2 if self.decoders == 1 else BATCH_PHOTOS,
            lambda decoded: decoded.pixels,
            BATCH_PIXELS,
        )

    def _decode(self, photo: Photo, read: ReadPhoto, steps: Steps) -> _Decoded:
        if photo.problem is not None:
            return _Decoded(Outcome(photo, dropped=(photo.problem,), note=photo.note))
        if is_far(photo):
            read = waited_for(read)
        with steps.at("decode", photo.id):
            try:
                return self._opened(photo, read)
            except Exception as error:  # whatever a photo makes a library raise is the end of that photo alone
                return _Decoded(
                    Outcome(photo, dropped=(Problem(Status.FAILED, reason_of("decode", error)),), note=photo.note)
                )

    def _opened(self, photo: Photo, reading: ReadPhoto) -> _Decoded:
        with self.times.stage("decode"):
            sha256, note = "", photo.note
            try:
                read = reading()
                sha256 = hashlib.sha256(read.data).hexdigest()
                _refuse_changed(photo, read.stamp, sha256, self.settings.reads_points)
                picture = decode_picture(read.data, self.settings.limits)
                height, width = picture.pixels.shape[:2]
                known = credible(photo.reference, width, height)
                note = joined(photo.note, picture.note, known.note)
                reference = self._annotated(photo, known.reference, picture)
            except DecodeError as error:
                problem = Problem(Status(error.status), error.reason)
                return _Decoded(Outcome(photo, sha256, dropped=(problem,), note=note))
            except SourceError as error:
                reason = str(error)
                if photo.points_file is not None:
                    reason = reason.replace(str(photo.points_file), _below_source(photo))
                return _Decoded(Outcome(photo, sha256, dropped=(Problem(Status.BAD_ANNOTATION, reason),), note=note))
        return _Decoded(Outcome(photo, sha256, width, height, note=note), Query(picture.pixels, reference))

    def _annotated(self, photo: Photo, reference: Reference, picture: Picture) -> Reference:
        """What is known of the photo, with the points of its file where those are wanted. SourceError where there are none, or
        none that a face in the picture can have."""
        if not self.settings.reads_points:
            return reference
        points, said = reference.points, ""
        if points is None:
            if photo.points_file is None:
                raise SourceError(photo.points_problem or "no points are known for it")
            points, said = read_points(photo.points_file, photo.relative), f"{photo.points_file}: "
        height, width = picture.pixels.shape[:2]
        if fault := misplacement(points, Shown(width, height, picture.orientation)):
            raise SourceError(f"{said}{fault}")
        return replace(reference, points=points)

    def _search(self, batch: Sequence[_Decoded], steps: Steps) -> Iterator[Outcome]:
        found = iter(self._detect([decoded for decoded in batch if decoded.query is not None], steps))
        for decoded in batch:
            if decoded.query is None:
                yield decoded.outcome
                continue
            with self.times.stage("crop"), steps.at("crop", decoded.outcome.photo.id):
                try:
                    outcome = self._keep(decoded.outcome, decoded.query, next(found))
                except Exception as error:
                    outcome = replace(decoded.outcome, dropped=(Problem(Status.FAILED, reason_of("crop", error)),))
            yield outcome

    def _detect(self, searched: Sequence[_Decoded], steps: Steps) -> list[_Found]:
        together = max(1, len(searched)) if self.backend.batches else 1
        found: list[_Found] = []
        for start in range(0, len(searched), together):
            some = searched[start : start + together]
            with self.times.stage("landmarks"), steps.at("landmarks", *(each.outcome.photo.id for each in some)):
                queries = [each.query for each in some if each.query is not None]
                for query, faces in zip(queries, self.backend.detect(queries), strict=True):
                    found.append(_Found(faces, None if faces else self.backend.candidate(query)))
        return found

    def _keep(self, outcome: Outcome, query: Query, found: _Found) -> Outcome:
        faces = found.faces
        if not faces and self.backend.asks_known_place and known_eyes(query.reference) is not None:
            refused = Problem(Status.NO_FACE, "no face found, and none accepted at the known place")
            return replace(outcome, dropped=(refused,), candidate=found.candidate)
        chosen = select(faces, self.settings.faces, query, self.settings.min_score)
        if isinstance(chosen, Problem):
            missed = chosen.status == Status.NO_FACE
            return replace(outcome, dropped=(chosen,), candidate=_best(found) if missed else None)
        known = subject(chosen, query)
        results = [self._crop(face, query, face is known) for face in chosen]
        return replace(
            outcome,
            kept=tuple(result for result in results if isinstance(result, HRFace)),
            dropped=tuple(result for result in results if isinstance(result, Problem)),
        )

    def _crop(self, face: Face, query: Query, is_subject: bool) -> HRFace | Problem:
        height, width = query.image.shape[:2]
        if problem := self._reference_problem(face, query):
            return problem
        x, y = (face.points.min(axis=0) + face.points.max(axis=0)) / 2
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
            return Problem(Status.LANDMARKS_OUTSIDE, "the middle of the landmarks lies outside the photo")
        try:
            angle, box = self.settings.crop.angle(face.points), self.settings.crop.box(face.points, width, height)
        except ValueError as error:
            return Problem(Status.LANDMARKS_OUTSIDE, str(error))
        if problem := self._box_problem(box, angle, width, height):
            return problem
        image = hr_face(cut(query.image, box, angle), self.settings.resizer)
        landmarks = to_crop(face.points, box, angle=angle)
        return HRFace(image, landmarks, box, face.backend, face.score, is_subject, angle)

    def _reference_problem(self, face: Face, query: Query) -> Problem | None:
        five = query.reference.five
        if five is None or self.settings.faces == "all":
            return None
        share = disagreement(face.points, five)
        if share <= self.settings.max_disagreement:
            return None
        return Problem(
            Status.LANDMARKS_DISAGREE,
            f"landmarks are {share:.2f} inter-ocular distances from the reference points, the limit is "
            f"{self.settings.max_disagreement:g} (--max-disagreement)",
        )

    def _box_problem(self, box: Box, angle: float, width: int, height: int) -> Problem | None:
        wide, high = box[2] - box[0], box[3] - box[1]
        if self.settings.crop.name == UNCROPPED and wide != high:
            return Problem(
                Status.NOT_SQUARE,
                f"{wide:.0f} x {high:.0f} pixels: a face crop is square; `fishprep build` crops photos",
            )
        most = self.settings.limits.max_pixels
        if wide * high > most:  # padding is made up by the crop, however small the photo is
            return Problem(
                Status.TOO_LARGE, f"the crop has {wide:.0f} x {high:.0f} pixels, the limit is {most:,} (--max-pixels)"
            )
        side = min(wide, high)
        if side < self.settings.min_side:
            return Problem(
                Status.TOO_SMALL,
                f"the crop has {side:.0f} px a side, the limit is {self.settings.min_side} (--min-side)",
            )
        outside = outside_share(box, width, height, angle)
        if outside > self.settings.max_outside:
            return Problem(
                Status.OUTSIDE,
                f"{outside:.0%} of the crop lies outside the photo, the limit is "
                f"{self.settings.max_outside:.0%} (--max-outside)",
            )
        return None


def _best(found: _Found) -> Candidate | None:
    """Of faces that were found and are not the wanted one, or were doubted, the surest."""
    if not found.faces:
        return found.candidate
    face = max(found.faces, key=lambda face: face.score)
    return Candidate(face.box, face.score, face.backend)


def _refuse_changed(photo: Photo, now: Stamp, sha256: str, with_points: bool) -> None:
    """DecodeError (`changed`) where a photo, or the file with its points or its mask that will be read, is not what was planned."""
    planned = photo.planned
    if planned is None:
        return
    if planned.sha256 == "" or planned.stamp == UNKNOWN:
        raise DecodeError(Status.CHANGED, "could not be read when the build was planned, and can be read now")
    is_another = planned.stamp is not None and now.differs(planned.stamp)
    if is_another or planned.sha256 not in (None, sha256):
        raise DecodeError(Status.CHANGED, "its bytes have changed since the build was planned")
    if with_points and photo.points_file is not None and annotation(photo) != planned.annotation:
        raise DecodeError(Status.CHANGED, "its points file has changed since the build was planned")
    if photo.mask_file is not None and annotation(photo) != planned.annotation:
        raise DecodeError(Status.CHANGED, "its mask has changed since the build was planned")


def _below_source(photo: Photo) -> str:
    """Where the points file of a photo is, seen from the source: the same however SOURCE was typed."""
    assert photo.points_file is not None
    from_photo = names.text(Path(os.path.relpath(photo.points_file, Path(str(photo.place)).parent)).as_posix())
    return posixpath.normpath(posixpath.join(posixpath.dirname(photo.relative), from_photo))
