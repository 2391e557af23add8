"""`fishprep.demo`: the whole way on two public-domain portraits that lie inside installed packages; needs no network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fishprep.builds.folder import BuildFolder
from fishprep.builds.output import is_build, writing
from fishprep.common.files import atomic
from fishprep.decoding.decode import Limits, decode_file
from fishprep.parsing.base import DEFAULT_PARSER
from fishprep.public.build import build
from fishprep.public.news import Listener
from fishprep.public.report import report
from fishprep.public.result import BuildResult
from fishprep.public.settings import BuildSettings, StrPath
from fishprep.reports.portraits import Sample, draw_portraits
from fishprep.shards.reader import Shard
from fishprep.shards.schema import shard_paths
from fishprep.storage.own import refuse_foreign

LICENCE = "public domain (NASA; US Navy)"
FILES = ("portraits.jpg", "restored.jpg", "report.html")
"""What a demo writes beside its photos and shards; the second is of who has networks."""


@dataclass(frozen=True)
class DemoResult:
    """The two photos, what was built of them, a picture of both, and the report."""

    photos: Path
    build: BuildResult
    picture: Path
    report: Path


def demo(
    out: StrPath, *, parser: str = DEFAULT_PARSER, overwrite: bool = False, progress: Listener | None = None
) -> DemoResult:
    """Build shards, a picture and a report from two portraits (Eileen Collins, Grace Hopper) in the folder `out`.

    overwrite: remove the shards of an earlier demo first. Raises ConfigurationError where `out` holds files of these names that
    no demo wrote, and what `build` and `report` raise.
    """
    folder = Path(out)
    photos, shards = folder / "photos", folder / "shards"
    if not is_build(BuildFolder.at(shards)):
        refuse_foreign((folder / name for name in FILES), "demo")
    with writing(BuildFolder.at(photos)):
        _write_photos(photos)
    settings = BuildSettings(source="folder", licence=LICENCE, parser=parser, device="cpu", workers=1)
    built = build(photos, shards, settings, overwrite=overwrite, progress=progress)
    page = folder / "report.html"
    report(shards, page)
    picture = folder / "portraits.jpg"
    _draw(photos, shards, picture)
    return DemoResult(photos, built, picture, page)


def _write_photos(folder: Path) -> None:
    import matplotlib.cbook
    import skimage.data

    sample = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    with Image.open(str(sample)) as image:
        hopper = np.asarray(image.convert("RGB"))
    for name, pixels in (("eileen_collins", skimage.data.astronaut()), ("grace_hopper", hopper)):
        with atomic(folder / f"{name}.png") as temporary:
            Image.fromarray(pixels).save(temporary, "PNG")


def _draw(photos: Path, shards: Path, path: Path) -> None:
    drawn: list[tuple[np.ndarray, Sample]] = []
    for shard_path in shard_paths(shards):
        with Shard(shard_path) as shard:
            drawn += [
                (decode_file(photos / f"{name}.png", Limits()), Sample.of(shard, i)) for i, name in enumerate(shard.ids)
            ]
    if not drawn:
        return
    sheet = draw_portraits([photo for photo, _ in drawn], [sample for _, sample in drawn])
    with atomic(path) as temporary:
        sheet.save(temporary, "JPEG", quality=90)
