"""What the tabs share of Gradio's words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from fishfsr.errors import InputError

WORK: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": 1, "api_visibility": "private"}
"""Of everything that computes: one at a time, so that memory is that of one run."""

AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def drop_zone(label: str) -> gr.Gallery:
    """A field that takes pictures: dropped, chosen, pasted, or from the camera. Their files come as they are."""
    return gr.Gallery(
        label=label,
        sources=["upload", "webcam", "clipboard"],
        file_types=["image"],
        type="filepath",
        interactive=True,
        elem_classes="drop",
        columns=3,
        height=260,
        buttons=[],
    )


def given_paths(given: Sequence[tuple[str, Any]], most: int) -> list[Path]:
    """The files of a drop zone. Raises InputError for more than `most`."""
    if len(given) > most:
        raise InputError(f"{len(given)} pictures: the page takes {most} at a time; `fishfsr upscale` takes any number")
    return [Path(path) for path, _ in given]
