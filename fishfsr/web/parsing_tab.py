"""The tab of parsing maps."""

from typing import Any

import gradio as gr

from fishfsr.errors import FishFSRError
from fishfsr.web import markup
from fishfsr.web.parsing import PARSERS, parsed_crops
from fishfsr.web.photos import Cancelled
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Shelf
from fishfsr.web.stops import Stops
from fishfsr.web.wiring import AT_ONCE, WORK, drop_zone, given_paths
from fishprep.common.errors import FishPrepError


class ParsingTab:
    """Face crops in, maps out."""

    def __init__(self, shelf: Shelf, settings: WebSettings, stops: Stops) -> None:
        self._shelf, self._settings, self._stops = shelf, settings, stops

    def build(self) -> None:
        """Lay it out, and connect it."""
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                crops = drop_zone("Face crops")
                parser = gr.Dropdown(list(PARSERS), value=PARSERS[0], label="Parser")
                with gr.Row():
                    parse = gr.Button("Parse", variant="primary", min_width=120)
                    cancel = gr.Button("Cancel", min_width=120)
            with gr.Column(scale=3, min_width=300):
                parsed = gr.HTML(elem_id="parsed", padding=False)
        parse.click(self._stops.begin, None, None, **AT_ONCE)
        parse.click(self._parse, [crops, parser], parsed, **WORK)
        cancel.click(self._stops.stop, None, None, **AT_ONCE)

    def _parse(
        self,
        crops: Any,
        parser: str,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (so Gradio knows it)
    ) -> str:
        if not crops:
            return markup.alert("no face crop: drop one first")
        slot = self._shelf.slot()
        try:
            paths, tell = given_paths(crops, self._settings.most_files), self._stops.tell(request, progress)
            return markup.parsed_page(parsed_crops(paths, parser, self._settings, slot, tell), slot)
        except Cancelled:
            return markup.alert("cancelled")
        except (FishFSRError, FishPrepError) as error:
            return markup.alert(str(error))
