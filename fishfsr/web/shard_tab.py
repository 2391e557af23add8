"""The tab of a build's shards."""

from typing import Any

import gradio as gr

from fishfsr.web import markup
from fishfsr.web.shards import MEASURES, OK, ShardDesk, ShardQuery

ALL, NO_MEASURE = "all splits", "as stored"
LOOK: dict[str, Any] = {"concurrency_id": "shards", "concurrency_limit": 1, "api_visibility": "private"}


class ShardTab:
    """Faces of a build, by status, split and measure."""

    def __init__(self, desk: ShardDesk) -> None:
        self._desk = desk

    def build(self) -> None:
        """Lay it out, and connect it."""
        statuses, splits = self._desk.counts("status"), self._desk.counts("split")
        said = [(f"{name}: {count:,}", name) for name, count in statuses.items()]
        first = OK if OK in statuses else next(iter(statuses), OK)
        gr.HTML(markup.build_heading(self._desk.folder.name, self._desk.report is not None), padding=False)
        with gr.Row():
            status = gr.Dropdown(said, value=first, label="Status", min_width=160)
            split = gr.Dropdown(
                [(ALL, ""), *((f"{name}: {count:,}", name) for name, count in splits.items())],
                value="",
                label="Split",
                min_width=160,
            )
            measure = gr.Dropdown(
                [(NO_MEASURE, ""), *((text, name) for name, text in MEASURES.items())],
                value="",
                label="Order",
                min_width=160,
            )
            lowest = gr.Number(None, label="From", min_width=100)
            highest = gr.Number(None, label="To", min_width=100)
            page = gr.Number(1, label="Page", minimum=1, precision=0, min_width=80)
        shown = gr.HTML(markup.shards_page(self._desk.page(ShardQuery(first))), elem_id="faces", padding=False)
        asked = [status, split, measure, lowest, highest, page]
        for field in asked[:-1]:
            field.change(self._first, asked[:-1], [shown, page], **LOOK)
        page.change(self._shown, asked, shown, **LOOK)

    def _first(
        self, status: str, split: str, measure: str, lowest: float | None, highest: float | None
    ) -> tuple[str, int]:
        return self._shown(status, split, measure, lowest, highest, 1), 1

    def _shown(
        self, status: str, split: str, measure: str, lowest: float | None, highest: float | None, page: float | None
    ) -> str:
        query = ShardQuery(status, split, measure, lowest, highest, int(page or 1) - 1)
        return markup.shards_page(self._desk.page(query))
