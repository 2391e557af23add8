"""The tab of a build's dropped photos: faces marked by hand."""

import shlex
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
import numpy as np

from fishfsr.errors import InputError
from fishfsr.web import markup
from fishfsr.web.rescue import (
    FILE,
    KINDS,
    LostPhoto,
    Marking,
    PhotoWindow,
    RescueDesk,
    marks_text,
    problem_of,
    typed_marks,
    view,
    whole,
)
from fishfsr.web.wiring import AT_ONCE

EVERY = "all of them"
MARKS, CLOSER = "sets a mark", "goes closer"


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is on the page now. pixels: None where there is nothing to see, and `refusal` says why."""

    photo: LostPhoto | None
    number: int
    total: int
    pixels: np.ndarray | None = None
    refusal: str = ""


class RescueTab:
    """One dropped photo after another: an eye is clicked, the other one, the mouth."""

    def __init__(self, desk: RescueDesk) -> None:
        self._desk = desk

    def build(self, tab: gr.Tab) -> None:
        """Lay it out, and connect it; the first photo is opened when the tab is."""
        counts = self._desk.counts()
        said = [*((f"{name}: {count:,}", name) for name, count in counts.items()), (EVERY, "")]
        marking = gr.State(Marking())
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                shown = gr.Image(
                    interactive=False,
                    visible=False,
                    buttons=[],
                    label="Dropped photo",
                    alt_text="A dropped photo, with the marks that were set",
                    elem_id="lost",
                )
            with gr.Column(scale=2, min_width=300):
                told = gr.HTML(elem_id="rescue", padding=False)
                with gr.Row():
                    status = gr.Dropdown(said, value=said[0][1], label="Dropped as", min_width=140)
                    number = gr.Number(1, label="Photo", minimum=1, precision=0, min_width=80)
                click = gr.Radio([MARKS, CLOSER], value=MARKS, label="A click")
                with gr.Row():
                    undo = gr.Button("Undo", min_width=90)
                    all_of_it = gr.Button("Whole photo", min_width=110)
                    following = gr.Button("Next photo", variant="primary", min_width=110)
                typed = gr.Textbox(label="Marks: x y of each eye, then of the mouth; may be typed", max_lines=1)
        asked, answered = [status, number, marking], [shown, told, typed, marking]
        tab.select(self._turned, asked, answered, **AT_ONCE)
        status.change(lambda: 1, None, number, **AT_ONCE).then(self._turned, asked, answered, **AT_ONCE)
        number.change(self._turned, asked, answered, **AT_ONCE)
        following.click(self._following, [status, number], number, **AT_ONCE)
        all_of_it.click(self._turned, asked, answered, **AT_ONCE)
        undo.click(self._undone, asked, answered, **AT_ONCE)
        typed.submit(self._typed, [*asked, typed], answered, **AT_ONCE)
        shown.select(self._clicked, [*asked, click], [*answered, click], **AT_ONCE)

    def _seen(self, status: str, number: float | None) -> _Seen:
        photos = self._desk.of(status)
        if not photos:
            return _Seen(None, 0, 0)
        at = min(max(1, int(number or 1)), len(photos))
        try:
            return _Seen(photos[at - 1], at, len(photos), self._desk.open(photos[at - 1]))
        except InputError as error:
            return _Seen(photos[at - 1], at, len(photos), refusal=str(error))

    def _following(self, status: str, number: float | None) -> int:
        return min(int(number or 0) + 1, max(1, len(self._desk.of(status))))

    def _turned(self, status: str, number: float | None, marking: Marking) -> Any:
        return self._answer(self._seen(status, number), replace(marking, window=None))

    def _undone(self, status: str, number: float | None, marking: Marking) -> Any:
        seen = self._seen(status, number)
        if seen.photo is not None:
            marking = marking.with_marks(seen.photo.path, marking.of(seen.photo.path)[:-1])
        return self._answer(seen, marking)

    def _typed(self, status: str, number: float | None, marking: Marking, text: str) -> Any:
        seen = self._seen(status, number)
        if seen.photo is None or seen.pixels is None:
            return self._answer(seen, marking)
        try:
            marks = typed_marks(text, seen.pixels)
        except InputError as error:
            return self._answer(seen, marking, str(error))
        return self._answer(seen, marking.with_marks(seen.photo.path, marks))

    def _clicked(self, status: str, number: float | None, marking: Marking, click: str, event: gr.SelectData) -> Any:
        seen = self._seen(status, number)
        if seen.photo is None or seen.pixels is None:
            return *self._answer(seen, marking), MARKS
        window, (x, y) = marking.window or whole(seen.pixels), map(float, event.index)
        if click == CLOSER:
            return *self._answer(seen, replace(marking, window=window.closer(x, y))), MARKS
        marks = marking.of(seen.photo.path)
        if len(marks) < len(KINDS):
            marking = marking.with_marks(seen.photo.path, (*marks, window.to_photo(x, y)))
        return *self._answer(seen, marking), MARKS

    def _answer(self, seen: _Seen, marking: Marking, problem: str = "") -> tuple[Any, ...]:
        """Picture, words, marks, state."""
        if seen.photo is None or seen.pixels is None:
            return gr.Image(visible=False), self._words(seen, marking, seen.refusal, ()), "", marking
        marks = marking.of(seen.photo.path)
        if not problem and len(marks) >= 2:
            problem = problem_of(marks)
        window: PhotoWindow = marking.window or whole(seen.pixels)
        words = self._words(seen, marking, problem, marks)
        return gr.Image(view(seen.pixels, window, marks), visible=True), words, marks_text(marks), marking

    def _words(self, seen: _Seen, marking: Marking, problem: str, marks: tuple[Any, ...]) -> str:
        return markup.rescue_page(
            photo=seen.photo,
            number=seen.number,
            total=seen.total,
            problem=problem,
            next=_next(len(marks)),
            file=marking.address,
            finished=len(marking.finished),
            command=shlex.join(["fishprep", "retry", str(self._desk.folder), "--points", FILE]),
        )


def _next(marked: int) -> str:
    if marked == len(KINDS):
        return "The face is marked. Next photo, or Undo."
    if marked == 2:
        return "Click the middle of the mouth. Where the face stands upright, the eyes are enough: Next photo."
    return f"Click {KINDS[marked]}. A small face: let a click go closer first."
