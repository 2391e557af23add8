"""The tab of photos: faces found, chosen and restored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fishfsr.errors import FishFSRError
from fishfsr.upscaling.results import LARGEST_OUTSCALE
from fishfsr.web import markup
from fishfsr.web.photos import Cancelled, PhotoChoices, PhotoDesk, PhotoLook
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Shelf
from fishfsr.web.stops import Stops
from fishfsr.web.wiring import AT_ONCE, WORK, drop_zone, given_paths
from fishprep.common.errors import FishPrepError

FITS = "the one that fits each face"
KINDS = [
    ("guess", "guess"),
    ("a photo: find the faces", "photo"),
    ("one face, cropped", "crop"),
    ("an LR face of 8 to 64 px", "aligned"),
]
NOTHING = ("", gr.CheckboxGroup(choices=[], value=[], visible=False), gr.Button(interactive=False), "")
"""Of what a look shows."""


class PhotoTab:
    """Photos in; what is found in them; what is made of those faces that are wanted."""

    def __init__(self, desk: PhotoDesk, shelf: Shelf, settings: WebSettings, stops: Stops) -> None:
        self._desk, self._shelf, self._settings, self._stops = desk, shelf, settings, stops

    def build(self, examples: Sequence[tuple[str, Path]]) -> None:
        """Lay it out, and connect it."""
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                photos = drop_zone("Photos")
                with gr.Row():
                    tries = [(gr.Button(f"Try {name}", size="sm", min_width=120), path) for name, path in examples]
                chosen = gr.CheckboxGroup([], label="Faces to restore", visible=False)
                with gr.Row():
                    restore = gr.Button("Restore", variant="primary", interactive=False, min_width=120)
                    cancel = gr.Button("Cancel", min_width=120)
                options, outscale = self._options()
            with gr.Column(scale=3, min_width=300):
                restored = gr.HTML(elem_id="restored", padding=False)
                found = gr.HTML(elem_id="found", padding=False)
        asked, looked = [photos, *options], [found, chosen, restore, restored]
        for changed in (photos, *options):
            changed.change(self._begin, None, restore, **AT_ONCE)
            changed.change(self._look, asked, looked, show_progress_on=found, trigger_mode="always_last", **WORK)
        for button, path in tries:  # what a function puts into a drop zone is no change to Gradio
            put = button.click(lambda path=path: [str(path)], None, photos, **AT_ONCE)
            put.then(self._look, asked, looked, show_progress_on=found, **WORK)
        restore.click(self._stops.begin, None, None, **AT_ONCE)
        restore.click(self._restore, [*asked, outscale, chosen], restored, **WORK)
        cancel.click(self._stops.stop, None, None, **AT_ONCE)

    def _options(self) -> tuple[list[gr.components.Component], gr.Number]:
        usual = self._settings.upscale
        models = [(f"x{each.scale}: {each.name}", each.name) for each in self._desk.models.models]
        with gr.Accordion("Options", open=False):
            model = gr.Dropdown([(FITS, ""), *models], value="", label="Model")
            outscale = gr.Number(
                None,
                label="Enlarge the photo by",
                info="empty: by the scale of the model used",
                minimum=1,
                maximum=LARGEST_OUTSCALE,
            )
            kind = gr.Dropdown(KINDS, value=usual.kind, label="What the pictures are")
            smallest = gr.Dropdown(
                [8, 12, 16, 24, 32, 48, 64], value=usual.smallest, label="Look for faces down to", info="pixels a side"
            )
            force = gr.Checkbox(usual.force, label="Shrink faces that are too large for the models: loses detail")
        return [model, kind, force, smallest], outscale

    def _begin(self, request: gr.Request) -> Any:
        self._stops.begin(request)
        return gr.Button(interactive=False)

    def _look(
        self,
        photos: Any,
        model: str,
        kind: Any,
        force: bool,
        smallest: int,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (so Gradio knows it)
    ) -> Any:
        if not photos:
            return NOTHING
        try:
            paths, tell = given_paths(photos, self._settings.most_files), self._stops.tell(request, progress)
            looks = self._desk.look(paths, PhotoChoices(model, kind, force, smallest), tell)
        except Cancelled:
            return (markup.alert("cancelled"), *NOTHING[1:])
        except (FishFSRError, FishPrepError) as error:
            return (markup.alert(str(error)), *NOTHING[1:])
        faces = _choices_of(looks)
        boxes = gr.CheckboxGroup(choices=faces, value=[value for _, value in faces], visible=len(faces) > 1)
        ready = any(look.result is not None for look in looks)
        return markup.looks_page(looks, self._shelf.slot()), boxes, gr.Button(interactive=ready), ""

    def _restore(
        self,
        photos: Any,
        model: str,
        kind: Any,
        force: bool,
        smallest: int,
        outscale: float | None,
        chosen: list[str],
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (so Gradio knows it)
    ) -> str:
        if not photos:
            return markup.alert("no photo: drop one first")
        wanted = {(int(photo), int(face)) for photo, _, face in (value.partition(":") for value in chosen)}
        slot = self._shelf.slot()
        try:
            paths, tell = given_paths(photos, self._settings.most_files), self._stops.tell(request, progress)
            choices = PhotoChoices(model, kind, force, smallest)
            return markup.restoration_page(self._desk.restore(paths, choices, outscale, wanted, slot, tell), slot)
        except (FishFSRError, FishPrepError) as error:
            return markup.alert(str(error))


def _choices_of(looks: Sequence[PhotoLook]) -> list[tuple[str, str]]:
    """The faces that can be restored: what they are called, and `PHOTO:FACE`."""
    return [
        (f"{look.path.name}: face {number + 1}" if len(looks) > 1 else f"face {number + 1}", f"{photo}:{number}")
        for photo, look in enumerate(looks)
        if look.result is not None
        for number, face in enumerate(look.result.plan.faces)
        if face.model is not None
    ]
