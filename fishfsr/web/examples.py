"""Pictures to try the page with: the two public-domain portraits of the demo, as small as faces must be to be worth restoring."""

from pathlib import Path

import numpy as np
from PIL import Image

PORTRAITS = (("Eileen Collins", "eileen_collins", 112), ("Grace Hopper", "grace_hopper", 64))
"""What they are called, their files, pixels of their width."""


def write_examples(folder: Path) -> list[tuple[str, Path]]:
    """Write them into a new folder: names and files."""
    folder.mkdir()
    written = []
    for (name, file, width), pixels in zip(PORTRAITS, _portraits(), strict=True):
        image = Image.fromarray(pixels)
        image = image.resize((width, round(width * image.height / image.width)), Image.Resampling.BICUBIC)
        image.save(folder / f"{file}.png")
        written.append((name, folder / f"{file}.png"))
    return written


def _portraits() -> tuple[np.ndarray, np.ndarray]:
    import matplotlib.cbook
    import skimage.data

    with Image.open(str(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))) as image:
        return skimage.data.astronaut(), np.asarray(image.convert("RGB"))
