"""The page as people meet it: in Chromium, with mouse and keyboard, wide and narrow."""

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from support import astronaut, rows, run
from zoo import bomb

PHONE = {"width": 390, "height": 844}
WAIT = 120_000  # milliseconds, of a busy machine


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "crew.png"
    Image.fromarray(astronaut()).resize((104, 104)).save(path)
    return path


@pytest.fixture(scope="module")
def opened(browser: Any, page: str, photo: Path) -> Iterator[Any]:
    """The page after a photo was dropped on it and restored; `asked` are the addresses that it asked for."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.set_default_timeout(WAIT)
    tab.asked, tab.said = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("console", lambda message: tab.said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    tab.goto(page)
    upload(tab, photo)
    tab.locator("#found .found li").wait_for()
    tab.get_by_role("button", name="Restore").click()
    tab.locator("#restored .card").wait_for()
    yield tab
    tab.close()


def upload(tab: Any, *files: Path) -> None:
    tab.locator(".drop input[type=file]").first.set_input_files(list(files))


def test_a_photo_is_restored_as_by_the_command(opened: Any, photo: Path, tmp_path: Path) -> None:
    run("fishfsr", "upscale", photo, "-o", tmp_path / "out", "--device", "cpu", "--threads", 1)
    assert "its crop has 28 px" in opened.locator("#restored .why").inner_text()
    assert "no evidence of what somebody looks like" in opened.locator("#restored .guess").inner_text()
    for name, file in (
        ("Download the photo", "restored_photos/crew.png"),
        ("Download this face", "restored_faces/crew_00.png"),
    ):
        with opened.expect_download() as coming:
            opened.get_by_role("link", name=name).click()
        assert Path(coming.value.path()).read_bytes() == (tmp_path / "out" / file).read_bytes()
    with opened.expect_download() as coming:
        opened.get_by_role("link", name="faces.json").click()
    assert coming.value.suggested_filename == "faces.json"


def test_the_slider_is_moved_by_keys_and_shows_one_beside_the_other(opened: Any) -> None:
    compare = opened.locator("#restored .card .compare")
    slider = compare.get_by_role("slider")

    def shown() -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(compare.screenshot())).convert("L"), np.float32)[20:-40]

    slider.focus()
    opened.keyboard.press("Home")
    restored = shown()
    opened.keyboard.press("End")
    bicubic = shown()
    slider.fill("50")
    both, middle = shown(), restored.shape[1] // 2
    assert np.abs(restored - bicubic)[:, 20:-20].mean() > 2
    assert np.abs(both - bicubic)[:, 20 : middle - 20].mean() < 0.5
    assert np.abs(both - restored)[:, middle + 20 : -20].mean() < 0.5
    assert "bicubic" in slider.get_attribute("aria-label")


def test_nothing_is_asked_of_another_machine_and_nothing_fails(opened: Any, page: str) -> None:
    assert len(opened.asked) > 10
    assert [url for url in opened.asked if not url.startswith((page, "data:", "blob:"))] == []
    assert opened.said == []


def test_no_serious_finding_of_axe(opened: Any) -> None:
    for name in ("Photos", "Parsing", "Shards", "Rescue"):
        opened.get_by_role("tab", name=name).click()
        found = [each for each in Axe().run(opened).response["violations"] if each["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == [], name
    opened.get_by_role("tab", name="Photos").click()


def test_a_phone_sees_all_of_it(opened: Any) -> None:
    opened.set_viewport_size(PHONE)
    for name in ("Photos", "Parsing", "Shards", "Rescue"):
        opened.get_by_role("tab", name=name).click()
        assert opened.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
    opened.get_by_role("tab", name="Photos").click()
    box = opened.locator("#restored .compare").first.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] and box["width"] > 250
    opened.set_viewport_size({"width": 1280, "height": 900})


def test_keys_alone_reach_what_matters(opened: Any) -> None:
    opened.locator("h1").click()
    reached = set()
    for _ in range(40):
        opened.keyboard.press("Tab")
        reached.add(
            opened.evaluate(
                "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
            )
        )
    for wanted in ("Try Grace Hopper", "Restore", "Cancel", "Options", "Download this face", "face 1, 28 px"):
        assert any(wanted in text for text in reached), (wanted, reached)


def test_shards_are_looked_through(opened: Any) -> None:
    opened.get_by_role("tab", name="Shards").click()
    assert opened.locator("#faces .card").count() == 2
    opened.get_by_label("Status").click()
    opened.get_by_role("option", name="undecodable: 1").click()
    opened.locator("#faces .rows td", has_text="torn").or_(
        opened.locator("#faces .rows th", has_text="torn")
    ).first.wait_for()
    with opened.expect_popup() as coming:
        opened.get_by_role("link", name="Open the report").click()
    assert "report" in coming.value.url and coming.value.locator("h1").count()
    coming.value.close()
    opened.get_by_role("tab", name="Photos").click()


def test_a_face_that_nobody_found_is_rescued(opened: Any, build: Path, tmp_path: Path) -> None:
    """Upside down: both eyes and the mouth are clicked where they stand, closer than the whole photo; the file goes to `retry`."""
    opened.get_by_role("tab", name="Rescue").click()
    picture, told = opened.locator("#lost img"), opened.locator("#rescue")
    told.get_by_text("upside_down").wait_for()
    assert "no_face" in told.inner_text() and "Click one eye" in told.inner_text()
    before = picture.get_attribute("src")

    def click(x: float, y: float, left: float = 0, top: float = 0, side: float = 512) -> None:
        """On a place in the photo, of which a square is shown."""
        box = picture.bounding_box()
        place = {"x": (x - left) / side * box["width"], "y": (y - top) / side * box["height"]}
        shown = picture.get_attribute("src")
        picture.click(position=place)
        opened.wait_for_function("src => document.querySelector('#lost img').src != src", arg=shown)

    opened.get_by_label("goes closer").check()
    click(285, 380)
    assert opened.get_by_label("sets a mark").is_checked()
    near = {"left": 200, "top": 295, "side": 170}
    for x, y in ((307, 399), (265, 401), (283, 355)):
        click(x, y, **near)
    told.get_by_text("The face is marked").wait_for()
    typed = [
        tuple(map(float, pair.split())) for pair in opened.get_by_role("textbox", name="Marks").input_value().split(",")
    ]
    assert np.abs(np.array(typed) - [(307, 399), (265, 401), (283, 355)]).max() < 2.5, (
        "a click falls on whole pixels of the screen, twice"
    )
    opened.get_by_role("button", name="Undo").click()
    told.get_by_text("Click the middle of the mouth").wait_for()
    opened.get_by_role("textbox", name="Marks").fill("307 399, 265 401, 283 3")
    opened.get_by_role("textbox", name="Marks").press("Enter")
    told.get_by_text("The face is marked").wait_for()
    opened.get_by_role("textbox", name="Marks").fill("307 399, 265 401, 283 900")
    opened.get_by_role("textbox", name="Marks").press("Enter")
    told.get_by_text("outside the photo, which has 512 x 512 pixels").wait_for()
    opened.get_by_role("textbox", name="Marks").fill("307 399, 265 401, 283 355")
    opened.get_by_role("textbox", name="Marks").press("Enter")
    told.get_by_text("outside the photo").wait_for(state="detached")
    opened.get_by_role("button", name="Whole photo").click()
    with opened.expect_download() as coming:
        told.get_by_role("link", name="Download marked.json").click()
    file = tmp_path / coming.value.suggested_filename
    coming.value.save_as(file)
    assert json.loads(file.read_text()) == {"upside_down.png": [[307, 399], [265, 401], [283, 355]]}
    assert f"fishprep retry {build} --points marked.json" in told.inner_text() and before is not None
    out = Path(shutil.copytree(build, tmp_path / "out"))
    run("fishprep", "retry", out, "--points", file, "--workers", 1)
    assert rows(out)["upside_down"]["landmark_backend"] == "marked"
    opened.get_by_role("tab", name="Photos").click()


def test_what_cannot_be_opened_is_said(browser: Any, page: str, tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(20_000))
    (tmp_path / "huge.png").write_bytes(bytes(2_000_000))
    tab = browser.new_page()
    tab.set_default_timeout(WAIT)
    tab.goto(page)
    upload(tab, tmp_path / "huge.png")
    tab.get_by_text("huge.png: more than the limit of 1 MB a file").wait_for()
    upload(tab, tmp_path / "bomb.png")
    tab.get_by_text("20000 x 20000 pixels, the limit is 50,000,000").wait_for()
    assert tab.get_by_role("button", name="Restore").is_disabled()
    assert tab.locator(".too-large").count() == 0
    tab.close()
