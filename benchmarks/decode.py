"""Time of the decoder beside Pillow's plain way (open, turn, convert), in turns over the same photos, and whether the bytes agree.

    python benchmarks/decode.py FOLDER [PHOTOS]

Prints microseconds of CPU a photo (the least of several rounds, in groups of 50) and their ratio.
"""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fishprep.decoding.decode import Limits, decode

GROUP, ROUNDS = 50, 9
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "MPO")


def plain(data: bytes) -> np.ndarray:
    """As it was before colour profiles and damaged data were looked at."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
        picture.load()
        return np.array(ImageOps.exif_transpose(picture).convert("RGB"), dtype=np.uint8)


def ours(data: bytes) -> np.ndarray:
    return decode(data, Limits())


def nanoseconds(decoder: Callable[[bytes], np.ndarray], photos: list[bytes]) -> int:
    start = time.process_time_ns()
    for data in photos:
        decoder(data)
    return time.process_time_ns() - start


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    photos = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))[:count]]
    same = sum(np.array_equal(plain(data), ours(data)) for data in photos)
    spent = [0, 0]
    for start in range(0, len(photos), GROUP):
        part = photos[start : start + GROUP]
        rounds = [(nanoseconds(plain, part), nanoseconds(ours, part)) for _ in range(ROUNDS)]
        for which in (0, 1):
            spent[which] += min(times[which] for times in rounds)
    before, now = (each / 1000 / len(photos) for each in spent)
    print(
        f"{len(photos):,} photos, {same:,} of the same bytes: Pillow {before:.0f} µs, ours {now:.0f} µs, {now / before:.3f}"
    )


if __name__ == "__main__":
    main()
