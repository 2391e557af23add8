"""The page's work on photos is that of `fishfsr upscale`, byte for byte; faces are chosen, runs are cancelled, files stay few."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import astronaut, hopper, run
from zoo import stock, stock_half_good

import fishfsr
from fishfsr import FishFSRError
from fishfsr.web import markup
from fishfsr.web.photos import LEFT_OUT, Cancelled, PhotoChoices, PhotoDesk
from fishfsr.web.results import Restoration
from fishfsr.web.settings import WebSettings
from fishfsr.web.shelf import Shelf, Slot
from fishprep.decoding.decode import Limits

EVERY = {(photo, face) for photo in range(3) for face in range(9)}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two faces that are taken and one too large, in a photo with an EXIF block; one face in another, of a clear ground."""
    folder = tmp_path_factory.mktemp("photos")
    sheet = Image.new("RGB", (300, 180), (90, 90, 90))
    for image, width, place in ((astronaut(), 104, (0, 60)), (hopper(), 60, (110, 70)), (hopper(), 120, (175, 0))):
        whole = Image.fromarray(image)
        sheet.paste(whole.resize((width, round(width * whole.height / whole.width)), Image.Resampling.BICUBIC), place)
    exif = Image.Exif()
    exif[0x013B] = "somebody"
    sheet.save(folder / "group.png", exif=exif)
    clear = Image.fromarray(astronaut()).resize((104, 104)).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((104, 104)))
    clear.save(folder / "clear.png")
    return [folder / "group.png", folder / "clear.png"]


@pytest.fixture(scope="module")
def desk(upscaler: fishfsr.Upscaler) -> PhotoDesk:
    return PhotoDesk(upscaler, WebSettings())


def quiet(share: float, text: str) -> None:
    assert 0 <= share <= 1 and text


def restored(
    desk: PhotoDesk, photos: list[Path], shelf: Path, outscale: float | None = None
) -> tuple[Restoration, Path]:
    slot = Shelf(shelf, 60, 1 << 30).slot()
    return desk.restore(photos, PhotoChoices(), outscale, EVERY, slot, quiet), slot.folder


@pytest.mark.parametrize("outscale", [None, 2.5])
def test_it_is_what_the_command_writes(
    desk: PhotoDesk, photos: list[Path], tmp_path: Path, outscale: float | None
) -> None:
    flags = ("--device", "cpu", "--threads", 1, *(("--outscale", outscale) if outscale else ()))
    run("fishfsr", "upscale", *photos, "-o", tmp_path / "out", *flags)
    written = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in (tmp_path / "out").rglob("*.png")
    }
    desk.look(photos, PhotoChoices(), quiet)  # what was looked at before is restored the same
    done, folder = restored(desk, photos, tmp_path / "shelf", outscale)
    ours = {
        f"restored_photos/{Path(photo.row.path).name}": (folder / photo.photo).read_bytes() for photo in done.photos
    }
    with zipfile.ZipFile(folder / done.archive) as archive:
        ours |= {name: archive.read(name) for name in archive.namelist()}
    assert ours == written and len(written) > 6
    single = {name: (folder / name).read_bytes() for photo in done.photos for name in photo.faces.values()}
    assert single == {
        name.partition("/")[2]: data for name, data in written.items() if name.startswith("restored_faces/")
    }
    records = [json.loads((place / "faces.json").read_text()) for place in (tmp_path / "out", folder)]
    for record in records:
        for row in record["inputs"]:
            row["path"] = Path(row["path"]).name
    assert records[0] == records[1]
    assert str(folder) not in (folder / "faces.json").read_text()


def test_a_photo_that_is_restored_is_the_library_s(desk: PhotoDesk, photos: list[Path], tmp_path: Path) -> None:
    done, folder = restored(desk, photos[:1], tmp_path)
    found = fishfsr.upscale_photo(photos[0], kind="guess", device="cpu")
    with Image.open(folder / done.photos[0].photo) as image:
        assert np.array_equal(np.asarray(image), np.asarray(found.photo))
    page = markup.restoration_page(done, Slot("ticket", folder))
    assert all(face.why in page for face in found.faces) and page.count("<article") == len(found.faces) == 3


def test_faces_are_chosen(desk: PhotoDesk, photos: list[Path], tmp_path: Path) -> None:
    slot = Shelf(tmp_path, 60, 1 << 30).slot()
    done = desk.restore(photos, PhotoChoices(), None, {(0, 1), (1, 0)}, slot, quiet)
    group, clear = done.photos
    assert [face.status for face in group.row.faces] == ["left_alone", "ok", "left_alone"]
    assert group.row.faces[0].reason == group.row.faces[2].reason == LEFT_OUT
    assert list(group.faces) == [1] and clear.row.restored == 1
    page = markup.restoration_page(done, slot)
    assert page.count("it is no evidence".replace("it", "It")) == 1 and LEFT_OUT in page


def test_models_are_chosen(desk: PhotoDesk, photos: list[Path]) -> None:
    (look,) = desk.look(photos[:1], PhotoChoices(model="fishfsr-x8.safetensors", force=True), quiet)
    assert look.result is not None and {face.model.scale for face in look.result.plan.faces if face.model} == {8}
    with pytest.raises(FishFSRError, match="no model is called"):
        desk.look(photos[:1], PhotoChoices(model="/etc/passwd"), quiet)


def test_a_run_that_is_cancelled_gives_what_was_done(desk: PhotoDesk, photos: list[Path], tmp_path: Path) -> None:
    def stop(share: float, text: str) -> None:
        if text.startswith("1 of 2"):
            raise Cancelled

    slot = Shelf(tmp_path, 60, 1 << 30).slot()
    grey = tmp_path / "grey.png"
    Image.new("RGB", (80, 70)).save(grey)
    done = desk.restore([grey, photos[1]], PhotoChoices(), None, EVERY, slot, stop)
    assert done.note == "cancelled: 1 of 2 pictures were done" and [photo.row.name for photo in done.photos] == ["grey"]

    def at_once(share: float, text: str) -> None:
        raise Cancelled

    assert desk.restore(photos, PhotoChoices(), None, EVERY, slot, at_once).photos == ()


def test_files_of_one_name_are_kept_apart(desk: PhotoDesk, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    Image.open(photos[1]).convert("RGB").save(tmp_path / "other" / "group.png")
    done, folder = restored(desk, [photos[0], tmp_path / "other" / "group.png"], tmp_path / "shelf")
    assert [Path(photo.row.path).name for photo in done.photos] == ["group.png", "group (2).png"]
    assert (
        len({photo.photo for photo in done.photos}) == 2
        and not (folder / "in").exists()
        and not (folder / "out").exists()
    )


def test_what_is_kept_of_photos_is_bounded(
    upscaler: fishfsr.Upscaler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fishfsr.web.photos.PLANS_BYTES", 200_000)
    desk = PhotoDesk(upscaler, WebSettings())
    paths = []
    for number in range(4):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (150, 100), (number, 0, 0)).save(paths[-1])  # 45,000 bytes, and its crop as many
    desk.look(paths, PhotoChoices(kind="crop"), quiet)
    assert len(desk._looks) == 2


def test_every_animal_of_the_zoo_has_its_answer(upscaler: fishfsr.Upscaler, tmp_path: Path) -> None:
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    stock(zoo)
    stock_half_good(zoo)
    desk = PhotoDesk(upscaler, WebSettings(limits=Limits(max_bytes=1_500_000)))
    files = sorted(path for path in zoo.rglob("*") if path.is_file() and len(path.name) < 200)
    looks = desk.look(
        files, PhotoChoices(kind="crop"), quiet
    )  # no search: what is asked here is whether it can be opened
    refused = {look.path.name: look.refusal for look in looks if look.refusal}
    assert {"empty.jpg", "truncated.jpg", "text.png", "bomb.png", "long.jpg", "floating.tif", "two.json"} <= set(
        refused
    )
    assert "20000 x 20000 pixels" in refused["bomb.png"] and "the file is empty" in refused["empty.jpg"]
    slot = Shelf(tmp_path / "shelf", 60, 1 << 30).slot()
    page = markup.looks_page(looks, slot)
    assert page.count('role="alert"') == len(refused) and "\x1b" not in page


def test_words_from_outside_are_shown_and_do_nothing(desk: PhotoDesk, tmp_path: Path) -> None:
    evil = tmp_path / "<img src=x onerror=alert(1)>.png"
    evil.write_bytes(b"")
    slot = Shelf(tmp_path / "shelf", 60, 1 << 30).slot()
    page = markup.looks_page(desk.look([evil], PhotoChoices(), quiet), slot)
    assert "<img src=x" not in page and "&lt;img src=x" in page
    assert "<b>" not in markup.alert("<b>")
