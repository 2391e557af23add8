"""Small folders of small pictures, and what a source makes of them."""

from pathlib import Path

from PIL import Image

from fishprep.faces.photo import Photo
from fishprep.sources import Listing, SourceRequest, open_source


def picture(path: Path, colour: str = "red") -> Path:
    """A JPEG of 8 x 8 pixels, whatever the suffix, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path, "JPEG")
    return path


def text(path: Path, content: str | bytes) -> Path:
    """A file with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def listing(root: Path, **options: object) -> Listing:
    """What is found in a source opened with these options."""
    return open_source(SourceRequest(root, **options)).listing()  # type: ignore[arg-type]


def splits(root: Path, **options: object) -> dict[str, str]:
    """Path → split of every photo."""
    return {photo.relative: photo.split for photo in listing(root, **options).photos}


def only(root: Path, **options: object) -> Photo:
    """The one photo of a source."""
    (photo,) = listing(root, **options).photos
    return photo
