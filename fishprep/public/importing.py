"""`fishprep.import_faces`: face crops that somebody else has made, into shards."""

from fishprep.public.build import build
from fishprep.public.news import Listener
from fishprep.public.result import BuildResult
from fishprep.public.settings import ImportSettings, StrPath


def import_faces(
    faces: StrPath,
    out: StrPath,
    settings: ImportSettings | None = None,
    *,
    resume: bool = True,
    overwrite: bool = False,
    progress: Listener | None = None,
) -> BuildResult:
    """Pack the square face crops in the folder `faces` into shards in `out`, as they are: no face is searched for, nothing is cropped.

    The recipe says so (crop `none`), and whether the maps were given or by whom they were made. All else is as `build`: splits by folders,
    a row for every picture, resuming, errors.
    """
    chosen = (settings or ImportSettings()).as_build()
    return build(faces, out, chosen, resume=resume, overwrite=overwrite, progress=progress)
