"""What came of a run on photos: its files, as `fishfsr upscale` writes them, put where the browser may ask for them."""

import json
import os
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from fishfsr.upscaling.pictures import PHOTOS, RESTORED
from fishfsr.upscaling.planning import PicturePlan
from fishfsr.upscaling.record import FILE, Fate, InputRow
from fishfsr.upscaling.results import Result
from fishfsr.web.shelf import Slot
from fishprep.common.files import write_text
from fishprep.decoding.decode import Picture


@dataclass(frozen=True, eq=False)
class RestoredPhoto:
    """A picture that was worked on. result: with its restored faces, None where it was refused.

    photo, faces (by their numbers): names of files in the run's slot.
    """

    row: InputRow
    result: Result | None
    photo: str = ""
    faces: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Restoration:
    """A run. The rest are names of files in its slot, empty where there is nothing of the kind."""

    photos: tuple[RestoredPhoto, ...]
    record: str
    archive: str = ""
    note: str = ""


def link_inputs(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Files under their own names in one new folder; of two of one name the second is called `NAME (2)`."""
    folder.mkdir()
    linked: list[Path] = []
    for path in paths:
        target, number = folder / path.name, 1
        while target in linked:
            number += 1
            target = folder / f"{path.stem} ({number}){path.suffix}"
        try:
            os.link(path, target)
        except OSError:  # another file system
            shutil.copyfile(path, target)
        linked.append(target)
    return linked


def restored_photo(
    row: InputRow, picture: Picture, plan: PicturePlan, scale: int, out: Path, slot: Slot
) -> RestoredPhoto:
    """What a run has made of a picture in `out`, its files put into the slot."""
    files = {
        face.number: file
        for face in row.faces
        if face.status == Fate.OK
        for file in row.files
        if file.startswith(f"{RESTORED}/") and file.endswith(f"_{face.number:02d}.png")
    }
    faces = {number: _pixels(out / file) for number, file in files.items()}
    names = {number: _shelved(out / file, slot, Path(file).name) for number, file in files.items()}
    photo = next((file for file in row.files if file.startswith(f"{PHOTOS}/")), "")
    name = photo and _shelved(out / photo, slot, f"{Path(photo).stem}_restored.png")
    return RestoredPhoto(row, Result(picture, plan, faces, scale), name, names)


def _shelved(path: Path, slot: Slot, name: str) -> str:
    """A file put into the slot, under a name that no other one has there."""
    while (slot.folder / name).exists():
        name = f"again_{name}"
    os.link(path, slot.folder / name)
    return name


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def record_of(out: Path, slot: Slot) -> str:
    """faces.json for who downloads it: inputs by their names, as the server's folders say nothing to anybody."""
    record = json.loads((out / FILE).read_text(encoding="utf-8"))
    for row in record["inputs"]:
        row["path"] = Path(row["path"]).name
    write_text(slot.folder / FILE, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return FILE


def archive_of(out: Path, slot: Slot) -> str:
    """The single faces in one ZIP, its entries as they lie in the output folder; empty where there are none."""
    files = sorted(path for path in out.rglob("*.png") if not path.is_relative_to(out / PHOTOS))
    if not files:
        return ""
    with zipfile.ZipFile(slot.folder / "faces.zip", "w") as archive:  # PNGs do not shrink
        for path in files:
            archive.write(path, path.relative_to(out))
    return "faces.zip"
