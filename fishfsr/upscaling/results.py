"""What came of a picture: its fate, its pictures, its row."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.carried import carried
from fishfsr.upscaling.clear import alpha_of, enlarge_clear, without_white
from fishfsr.upscaling.inputs import Input
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.pasting import RestoredFace, enlarge, enlarged_size, paste
from fishfsr.upscaling.pictures import COMPARISONS, CROPPED, RESTORED, Album, PictureFormat, comparison
from fishfsr.upscaling.planning import PicturePlan, PlannedFace
from fishfsr.upscaling.record import FaceRow, Fate, InputRow, Refusal
from fishfsr.upscaling.restoring import Restored
from fishprep.common.status import Status
from fishprep.common.words import joined
from fishprep.decoding.decode import Picture

LARGEST_OUTSCALE = 32


@dataclass(frozen=True)
class PhotoSize:
    """Of restored photos. outscale: None takes the scale of the model used, of several the largest.

    keep_all: every picture gets its enlarged photo, also one without a face to restore, and one that is a face.
    """

    outscale: float | None = None
    max_pixels: int = 100_000_000
    keep_all: bool = False

    def __post_init__(self) -> None:
        if self.outscale is not None and not 1 <= self.outscale <= LARGEST_OUTSCALE:
            raise ConfigurationError(f"outscale = {self.outscale:g}: must be from 1 to {LARGEST_OUTSCALE}")


@dataclass(frozen=True, eq=False)
class Result:
    """A picture whose faces went through their models; `restored` by their numbers.

    scale: by which a photo is enlarged that went through no model, where nothing else is said.
    """

    picture: Picture
    plan: PicturePlan
    restored: Mapping[int, Restored]
    scale: int = 1

    def problem(self, size: PhotoSize, form: PictureFormat) -> Refusal | None:
        """Status and reason where nothing is to be saved; None where the pictures can be."""
        if errors := [result for result in self.restored.values() if isinstance(result, str)]:
            return Refusal(Fate.FAILED, errors[0])
        if not self.restored and not size.keep_all:
            return self._nothing_restored()
        return self._size_problem(size, form)

    def _nothing_restored(self) -> Refusal:
        if self.plan.problem is not None:
            return Refusal(self.plan.problem.status, self.plan.problem.reason)
        return Refusal(Fate.LEFT_ALONE, self._why_left_alone())

    def outscale(self, size: PhotoSize) -> float:
        """Of the restored photo; 0 where there is to be none, as the picture is a face."""
        if self.plan.kind is not Kind.PHOTO and not size.keep_all:
            return 0.0
        if size.outscale is not None:
            return size.outscale
        scales = [face.model.scale for face in self.plan.faces if face.model is not None]
        return float(max(scales, default=self.scale))

    def crop(self, number: int, clear: bool = True) -> np.ndarray:
        """A face (h, w, 3) uint8 as it is in the picture; (h, w, 4) where that has an alpha and `clear` keeps it."""
        face = self.plan.faces[number]
        return self._with_alpha(face.crop, face) if clear else face.crop

    def face(self, number: int, clear: bool = True) -> np.ndarray | None:
        """What the model made of a face, as `crop`; None where it was left alone, or the model failed."""
        image = self.restored.get(number)
        if not isinstance(image, np.ndarray):
            return None
        return self._with_alpha(image, self.plan.faces[number]) if clear else image

    def photo(self, outscale: float, clear: bool = True) -> np.ndarray:
        """The photo enlarged, with the restored faces in it: (H', W', 3) uint8; (H', W', 4) as in `crop`."""
        height, width = self.plan.image.shape[:2]
        size = enlarged_size(width, height, outscale)
        faces = [
            RestoredFace(image, face.box, face.angle)
            for number, face in enumerate(self.plan.faces)
            if isinstance(image := self.restored.get(number), np.ndarray)
        ]
        if self.picture.alpha is None or not clear:
            return paste(enlarge(self.plan.image, size), (width, height), faces)
        colours, alpha = enlarge_clear(self.picture, size)
        return np.dstack([paste(colours, (width, height), [self._straight(face) for face in faces]), alpha])

    def save(self, album: Album, size: PhotoSize) -> tuple[str, ...]:
        """Write all pictures; `problem` must be None. What could not be kept of the file, in words."""
        clear = album.format.holds_alpha
        for number, face in enumerate(self.plan.faces):
            if face.side:
                album.save_face(CROPPED, number, self.crop(number, clear))
            opaque = self.face(number, clear=False)
            if opaque is not None and face.lr is not None:
                album.save_face(RESTORED, number, self._with_alpha(opaque, face) if clear else opaque)
                album.save_face(COMPARISONS, number, comparison(face.crop, face.lr, opaque))
        outscale = self.outscale(size)
        return self._save_photo(album, outscale, clear) if outscale else ()

    def _save_photo(self, album: Album, outscale: float, clear: bool) -> tuple[str, ...]:
        height, width = self.plan.image.shape[:2]
        more = carried(self.picture.metadata, *enlarged_size(width, height, outscale))
        album.save_photo(self.photo(outscale, clear), more)
        lost = "" if clear or self.picture.alpha is None else "its transparency was laid over white, as JPEG has none"
        return tuple(note for note in (more.note, lost) if note)

    def _with_alpha(self, image: np.ndarray, face: PlannedFace) -> np.ndarray:
        """A face, which was laid over white for the model, with the alpha that it has in the file."""
        alpha = alpha_of(self.picture, face.box, image.shape[1::-1], face.angle)
        return image if alpha is None else np.dstack([without_white(image, alpha), alpha])

    def _straight(self, face: RestoredFace) -> RestoredFace:
        alpha = alpha_of(self.picture, face.box, face.image.shape[1::-1], face.angle)
        return face if alpha is None else replace(face, image=without_white(face.image, alpha))

    def row(
        self,
        source: Input,
        sha256: str,
        problem: Refusal | None,
        size: PhotoSize,
        files: tuple[str, ...],
        notes: tuple[str, ...] = (),
    ) -> InputRow:
        """The row of the input `source`, with the SHA-256 of its file and the files written."""
        fate = problem or self.fate()
        height, width = self.plan.image.shape[:2]
        return InputRow(
            path=source.key,
            name=source.name,
            status=str(fate.status),
            reason=fate.reason,
            kind=str(self.plan.kind),
            guessed=self.plan.guessed,
            sha256=sha256,
            width=width,
            height=height,
            outscale=0.0 if problem else self.outscale(size),
            note=joined(self.picture.note, self.plan.note, *notes),
            files=files,
            faces=tuple(self._face_row(number, face, problem is None) for number, face in enumerate(self.plan.faces)),
        )

    def fate(self) -> Refusal:
        """What became of a picture that is not refused, with the reason of what was left alone."""
        if self.restored:
            return Refusal(Fate.OK, self._left_alone())
        return Refusal(Fate.ENLARGED, self._nothing_restored().reason)

    def _size_problem(self, size: PhotoSize, form: PictureFormat) -> Refusal | None:
        outscale = self.outscale(size)
        height, width = self.plan.image.shape[:2]
        enlarged = enlarged_size(width, height, outscale)
        if max(enlarged) > form.largest_side:
            reason = (
                f"{width} x {height} enlarged by {outscale:g} has a side of {max(enlarged):,} pixels, {form.name} takes"
            )
            return Refusal(Status.TOO_LARGE, f"{reason} {form.largest_side:,}: take --format png, or enlarge it less")
        if enlarged[0] * enlarged[1] <= size.max_pixels:
            return None
        return Refusal(
            Status.TOO_LARGE,
            f"{width} x {height} enlarged by {outscale:g} has {enlarged[0] * enlarged[1]:,} pixels, the limit is "
            f"{size.max_pixels:,} (--max-out-pixels); or enlarge it less (--outscale)",
        )

    def _why_left_alone(self) -> str:
        first, *others = self.plan.faces
        return f"{first.reason}; so are {len(others)} more faces" if others else first.reason

    def _left_alone(self) -> str:
        left = len(self.plan.faces) - len(self.restored)
        return f"{left} of {len(self.plan.faces)} faces left alone" if left else ""

    def _face_row(self, number: int, face: PlannedFace, saved: bool) -> FaceRow:
        result = self.restored.get(number)
        if result is None:
            status, reason = Fate.LEFT_ALONE, face.reason
        elif saved:
            status, reason = Fate.OK, ""
        else:
            status, reason = Fate.FAILED, result if isinstance(result, str) else "not saved: see the input's reason"
        yaw, pitch, roll = (_rounded(angle) for angle in face.angles or (None, None, None))
        return FaceRow(
            number=number,
            status=str(status),
            reason=reason,
            box=tuple(float(edge) for edge in face.box),
            side=face.side,
            model=face.model.name if face.model else "",
            scale=face.model.scale if face.model else 0,
            lr_size=face.lr.shape[1::-1] if face.lr is not None else (),
            shrunk=face.lr is not None and face.side > max(face.lr.shape[:2]),
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            backend=face.backend,
            warnings=face.warnings,
            angle=round(face.angle, 2),
        )


def _rounded(angle: float | None) -> float | None:
    return None if angle is None or np.isnan(angle) else round(angle, 1)
