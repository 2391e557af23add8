"""The examples for programs, of their page and of the README, run as they stand; what pages name is there."""

import doctest
import re
from pathlib import Path

import cv2
import pytest
import torch
from annotated import in_process
from PIL import Image
from support import astronaut, hopper

__all__ = ["in_process"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"
PAGES = [
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.stem not in ("changelog", "contributing")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "weights" / "README.md",
]
TOP = ("fishprep", "fishfsr", "cli", "tests", "docs", "benchmarks", "weights")


def test_the_examples_do_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut()).save(tmp_path / "photos" / "eileen_collins.png")
    Image.fromarray(hopper()).save(tmp_path / "photos" / "grace_hopper.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FISHFSR_OFFLINE", "1")
    before = torch.get_num_threads(), cv2.getNumThreads()
    done = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS, verbose=False)
    assert done.attempted > 10 and done.failed == 0, capfd.readouterr().out
    assert capfd.readouterr().err == "" and (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_the_lines_of_the_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portrait = Image.fromarray(astronaut())
    portrait.crop((130, 0, 310, 180)).resize((16, 16), Image.Resampling.BICUBIC).save(tmp_path / "face.png")
    portrait.resize((104, 104)).save(tmp_path / "photo.jpg", quality=100, subsampling=0)
    monkeypatch.chdir(tmp_path)
    done = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert done.attempted == 6 and done.failed == 0
    for name, size in (("restored.png", (128, 128)), ("larger.png", (416, 416))):
        with Image.open(tmp_path / name) as image:
            assert image.size == size


def test_the_three_lines(
    in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "demo" / "photos"
    photos.mkdir(parents=True)
    for name, pixels in (("eileen_collins", astronaut()), ("grace_hopper", hopper())):
        Image.fromarray(pixels).save(photos / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    done = doctest.testfile(str(ROOT / "docs" / "three-lines.md"), module_relative=False)
    assert done.attempted > 15 and done.failed == 0, capfd.readouterr().out


def test_the_first_command_is_seen_at_once() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "index.md"):
        assert 0 < page.read_text().index("$ make demo") < 1500, page
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_every_page_stands_in_the_navigation() -> None:
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("nav:")[2]))
    assert named == {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}


def test_troubles_are_called_as_the_programs_call_them() -> None:
    sources = "".join(
        path.read_text() for name in ("fishprep", "fishfsr", "cli") for path in sorted((ROOT / name).rglob("*.py"))
    )
    code = re.sub(r"\{[^{}]*\}", "\0", re.sub(r"[\"']\s*\n\s*f?[\"']", "", sources))
    messages = re.findall(r"^\*\*`([^`]+)`", (ROOT / "docs" / "troubles.md").read_text(), re.MULTILINE)
    assert len(messages) > 20
    for message in messages:
        words = message.split()
        runs = [" ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
        known = max((run for run in runs if run.strip(" :;,") in code), key=len, default="")
        assert len(known) >= min(12, len(message)), message


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    links = {link for link in re.findall(r"\]\(([^)#\s]+)", text) if not link.startswith("http")}
    paths = set(re.findall(rf"`((?:{'|'.join(TOP)})/[\w./-]*(?:/|\.\w+))`", text))
    missing = {link for link in links if not (page.parent / link).exists()}
    assert missing | {path for path in paths if not (ROOT / path).exists()} == set()
