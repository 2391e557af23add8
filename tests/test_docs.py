"""The examples of the page for programs run as they stand."""

import doctest
from pathlib import Path

import cv2
import pytest
import torch
from PIL import Image
from support import astronaut, hopper

PAGE = Path(__file__).parents[1] / "docs" / "library.md"


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
