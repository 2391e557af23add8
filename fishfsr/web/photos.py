"""The work on photos: what `fishfsr upscale` does, first looked at and then, for the faces that are wanted, done."""

import hashlib
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fishfsr.errors import FishFSRError
from fishfsr.upscaling.kinds import Kind
from fishfsr.upscaling.models import ModelSet
from fishfsr.upscaling.planning import PicturePlan, Planner
from fishfsr.upscaling.record import InputRow
from fishfsr.upscaling.request import UpscaleProgress, UpscaleRequest
from fishfsr.upscaling.results import PhotoSize, Result
from fishfsr.upscaling.run import upscale_files
from fishfsr.upscaling.upscaler import KindChoice, Upscaler
from fishfsr.web.results import Restoration, RestoredPhoto, archive_of, link_inputs, record_of, restored_photo
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Slot
from fishprep.common.errors import DecodeError
from fishprep.common.threads import threads
from fishprep.decoding.decode import decode_picture, read_file

LEFT_OUT = "left out, as you chose"
PLANS_BYTES = 256 * 2**20

TellShare = Callable[[float, str], None]
"""Called with the share that is done and what is at work. What it raises ends the work."""


class Cancelled(Exception):
    """Somebody wants no more of a run."""


@dataclass(frozen=True)
class PhotoChoices:
    """What the page lets choose; as the flags of `fishfsr upscale`. model: the file name of a pair, empty for the one that fits."""

    model: str = ""
    kind: KindChoice = "guess"
    force: bool = False
    smallest: int = 16


@dataclass(frozen=True, eq=False)
class PhotoLook:
    """A picture that was looked at. result: with its plan, nothing restored; None where there is a `refusal`, which says why."""

    path: Path
    result: Result | None = None
    refusal: str = ""


@dataclass(frozen=True, eq=False)
class _ChosenPlanner(Planner):
    """A planner that has made its plans already. plans: by the digest of the picture's pixels."""

    plans: Mapping[str, PicturePlan] = field(default_factory=dict)

    def plan(self, image: np.ndarray) -> PicturePlan:
        return self.plans.get(_digest(image)) or super().plan(image)


class PhotoDesk:
    """Looks at photos and restores them, one run at a time. What was looked at last is kept, up to `PLANS_BYTES`."""

    def __init__(self, upscaler: Upscaler, settings: WebSettings) -> None:
        self._upscaler, self._settings = upscaler, settings
        self._looks: OrderedDict[tuple[str, PhotoChoices], PhotoLook] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def models(self) -> ModelSet:
        """The trained pairs at hand."""
        return self._upscaler.models

    def look(self, paths: Sequence[Path], choices: PhotoChoices, tell: TellShare) -> list[PhotoLook]:
        """What is in pictures: their faces, and which of them would be restored by what."""
        with self._lock, threads(self._upscaler.settings.threads):
            return self._look(paths, choices, tell, 1.0)

    def restore(
        self,
        paths: Sequence[Path],
        choices: PhotoChoices,
        outscale: float | None,
        chosen: Set[tuple[int, int]],
        slot: Slot,
        tell: TellShare,
    ) -> Restoration:
        """Restore pictures, by `fishfsr upscale`'s own run, into the slot. `chosen`: pairs of picture and face, by their numbers.

        Where `tell` raises Cancelled, what was finished before is given back. Raises FishFSRError and FishPrepError as
        `upscale_files` does.
        """
        with self._lock, threads(self._upscaler.settings.threads):
            try:
                looks = self._look(paths, choices, tell, 0.5)
            except Cancelled:
                return Restoration((), "", note="cancelled before anything was restored")
            size = PhotoSize(outscale, self._settings.size.max_pixels, keep_all=outscale is not None)
            plans = {
                _digest(look.result.plan.image): _with_alone(
                    look.result.plan, {face for photo, face in chosen if photo == number}
                )
                for number, look in enumerate(looks)
                if look.result is not None
            }
            return self._restore(looks, plans, choices, size, slot, tell)

    def _look(self, paths: Sequence[Path], choices: PhotoChoices, tell: TellShare, share: float) -> list[PhotoLook]:
        planner = self._planner(choices)
        looks = []
        for number, path in enumerate(paths):
            tell(share * number / len(paths), f"looking for faces in {path.name}")
            looks.append(self._look_at(path, choices, planner))
        return looks

    def _look_at(self, path: Path, choices: PhotoChoices, planner: Planner) -> PhotoLook:
        try:
            data = read_file(path, self._settings.limits)
            key = (hashlib.sha256(data).hexdigest(), choices)
            if key in self._looks:
                self._looks.move_to_end(key)
                return replace(self._looks[key], path=path)
            picture = decode_picture(data, self._settings.limits)
        except DecodeError as error:
            return PhotoLook(path, refusal=error.reason)
        plan = planner.plan(picture.pixels)
        look = PhotoLook(path, Result(picture, plan, {}, planner.models.largest_scale))
        self._keep(key, look)
        return look

    def _keep(self, key: tuple[str, PhotoChoices], look: PhotoLook) -> None:
        self._looks[key] = look
        while len(self._looks) > 1 and sum(_bytes(each) for each in self._looks.values()) > PLANS_BYTES:
            self._looks.popitem(last=False)

    def _planner(self, choices: PhotoChoices) -> Planner:
        models, finder = self._upscaler.models, self._upscaler.finder
        if choices.model:
            chosen = [model for model in models.models if model.name == choices.model]
            if not chosen:
                raise FishFSRError(f"no model is called {choices.model!r}")
            models = ModelSet(chosen, models.recipe)
        if finder is not None:
            finder = type(finder)(finder.backend, replace(finder.search, smallest=choices.smallest), finder.versions)
        kind = None if choices.kind == "guess" else Kind(choices.kind)
        return Planner(models, finder, kind, choices.force)

    def _restore(
        self,
        looks: Sequence[PhotoLook],
        plans: Mapping[str, PicturePlan],
        choices: PhotoChoices,
        size: PhotoSize,
        slot: Slot,
        tell: TellShare,
    ) -> Restoration:
        plain = self._planner(choices)
        planner = _ChosenPlanner(plain.models, plain.finder, plain.kind, plain.force, plans)
        inputs = link_inputs([look.path for look in looks], slot.folder / "in")
        out = slot.folder / "out"
        rows: dict[str, InputRow] = {}

        def listen(news: UpscaleProgress) -> None:
            if news.row is not None:
                rows[news.row.path] = news.row
            tell(0.5 + 0.5 * news.done / news.total, f"{news.done} of {news.total} pictures restored")

        note = ""
        try:
            upscale_files(
                UpscaleRequest(tuple(inputs), out, size, limits=self._settings.limits),
                planner,
                self._upscaler.runs,
                listen,
            )
        except Cancelled:
            note = f"cancelled: {len(rows)} of {len(inputs)} pictures were done"
        scale = plain.models.largest_scale
        photos = tuple(
            _restored(rows[str(path)], look, plans, scale, out, slot)
            for path, look in zip(inputs, looks, strict=True)
            if str(path) in rows
        )
        restoration = Restoration(photos, record_of(out, slot), archive_of(out, slot), note)
        shutil.rmtree(slot.folder / "in", ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        return restoration


def _with_alone(plan: PicturePlan, chosen: Set[int]) -> PicturePlan:
    """A plan in which no other faces are restored than these."""
    faces = (
        replace(face, model=None, lr=None, reason=LEFT_OUT, warnings=())
        if face.model and number not in chosen
        else face
        for number, face in enumerate(plan.faces)
    )
    return replace(plan, faces=tuple(faces))


def _restored(
    row: InputRow, look: PhotoLook, plans: Mapping[str, PicturePlan], scale: int, out: Path, slot: Slot
) -> RestoredPhoto:
    if look.result is None:
        return RestoredPhoto(row, None)
    plan = plans[_digest(look.result.plan.image)]
    return restored_photo(row, look.result.picture, plan, scale, out, slot)


def _digest(image: np.ndarray) -> str:
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def _bytes(look: PhotoLook) -> int:
    if look.result is None:
        return 0
    picture = look.result.picture
    arrays = (picture.pixels, picture.alpha, picture.colours, *(face.crop for face in look.result.plan.faces))
    return sum(array.nbytes for array in arrays if array is not None)
