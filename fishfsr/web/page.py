"""The page: its tabs, and how it is dressed."""

from pathlib import Path
from typing import Any

import gradio as gr

from fishfsr.web import markup
from fishfsr.web.examples import write_examples
from fishfsr.web.parsing_tab import ParsingTab
from fishfsr.web.photo_tab import PhotoTab
from fishfsr.web.photos import PhotoDesk
from fishfsr.web.rescue import RescueDesk
from fishfsr.web.rescue_tab import RescueTab
from fishfsr.web.settings import WebSettings
from fishfsr.web.shard_tab import ShardTab
from fishfsr.web.shards import ShardDesk
from fishfsr.web.shelf import Shelf
from fishfsr.web.stops import Stops

TITLE = "FishFSR: faces super-resolved"
FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def create_page(
    desk: PhotoDesk,
    shards: ShardDesk | None,
    lost: RescueDesk | None,
    shelf: Shelf,
    settings: WebSettings,
    examples: Path,
) -> gr.Blocks:
    """The page; pictures to try are written into the folder `examples`."""
    stops, keep = Stops(), round(60 * settings.keep)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(min(60, keep), keep)) as page:
        gr.HTML(markup.heading(), padding=False)
        with gr.Tabs():
            with gr.Tab("Photos"):
                PhotoTab(desk, shelf, settings, stops).build(write_examples(examples))
            with gr.Tab("Parsing"):
                ParsingTab(shelf, settings, stops).build()
            if shards is not None:
                with gr.Tab("Shards"):
                    ShardTab(shards).build()
            if lost is not None and lost.photos:
                with gr.Tab("Rescue") as rescue:
                    RescueTab(lost).build(rescue)
        page.unload(stops.begin)
    page.queue(max_size=settings.waiting)
    return page


def dress(settings: WebSettings) -> dict[str, Any]:
    """What Gradio is told when the page is mounted: fonts of the machine, and nothing that can be done without."""
    theme = gr.themes.Base(primary_hue="teal", secondary_hue="teal", neutral_hue="stone", font=FONT, font_mono=MONO)
    theme.set(button_primary_background_fill="*primary_700", button_primary_background_fill_hover="*primary_800")
    return {
        "theme": theme,
        "css": markup.style(),
        "head": markup.script(settings.limits.max_bytes),
        "max_file_size": settings.limits.max_bytes,
        "footer_links": [],
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "enable_monitoring": False,
        "server_name": settings.host,
        "server_port": settings.port,
    }
