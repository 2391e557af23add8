"""The page's maps are those of `fishprep parse`."""

from pathlib import Path

import pytest
from PIL import Image
from support import astronaut, run

from fishfsr.upscaling.upscaler import UpscaleSettings
from fishfsr.web.parsing import parsed_crops
from fishfsr.web.photos import Cancelled
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Shelf

SETTINGS = WebSettings(upscale=UpscaleSettings(device="cpu", threads=1))


def test_it_is_what_the_command_writes(tmp_path: Path) -> None:
    crop, torn, notes = tmp_path / "face.png", tmp_path / "torn.jpg", tmp_path / "notes.txt"
    Image.fromarray(astronaut()[0:200, 120:320]).save(crop)
    torn.write_bytes(b"torn")
    notes.write_text("notes")
    run("fishprep", "parse", crop, tmp_path / "maps", "--device", "cpu", "--threads", 1)
    told: list[str] = []
    slot = Shelf(tmp_path / "shelf", 60, 1 << 30).slot()
    parsed = parsed_crops([crop, torn, notes], "compact-fishfsr", SETTINGS, slot, lambda share, text: told.append(text))
    face = parsed[0]
    for folder, name in (("classes", face.classes), ("skin", face.skin), ("overlay", face.overlay)):
        suffix = Path(name).suffix
        assert (slot.folder / name).read_bytes() == (tmp_path / "maps" / folder / f"face{suffix}").read_bytes()
    assert sum(each.share for each in face.shares) == pytest.approx(1) and {"skin", "hair", "left eye"} <= {
        each.name for each in face.shares
    }
    assert "not a picture" in parsed[1].reason and "a format that is not read" in parsed[2].reason
    assert told[-1] == "2 of 2 pictures parsed"


def test_it_can_be_cancelled(tmp_path: Path) -> None:
    crop = tmp_path / "face.png"
    Image.new("RGB", (64, 64)).save(crop)

    def stop(share: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        parsed_crops([crop], "compact-fishfsr", SETTINGS, Shelf(tmp_path / "shelf", 60, 1 << 30).slot(), stop)
