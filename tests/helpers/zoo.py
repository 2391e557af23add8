"""Everything that people put into photo folders without meaning to, and what others make on purpose."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin
from support import astronaut, hopper


def save(image: np.ndarray | Image.Image, path: Path, **options: object) -> None:
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that says it has side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows_of_zeros = zlib.compress(bytes(side * 100))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows_of_zeros) + chunk(b"IEND", b"")


def stock(zoo: Path) -> dict[str, str]:
    """Fill a folder; returns the status that each id must end with."""
    face = Image.fromarray(astronaut()[:360, 60:420])
    jpeg = io.BytesIO()
    face.save(jpeg, "JPEG", quality=92)
    (zoo / "empty.jpg").write_bytes(b"")
    (zoo / "truncated.jpg").write_bytes(jpeg.getvalue()[:4000])
    (zoo / "text.png").write_text("not a picture")
    (zoo / "jpeg_named.png").write_bytes(jpeg.getvalue())
    (zoo / "bomb.png").write_bytes(bomb(20_000))
    (zoo / "long.jpg").write_bytes(jpeg.getvalue() + bytes(2_000_000))
    save(Image.new("RGB", (1, 1)), zoo / "pixel.png")
    save(face.convert("CMYK"), zoo / "cmyk.jpg", quality=92)
    save(np.asarray(face.convert("L")).astype(np.uint16) * 257, zoo / "sixteen.png")
    save(face.convert("P"), zoo / "palette.png")
    save(face, zoo / "animated.webp", save_all=True, append_images=[Image.new("RGB", face.size)], quality=92)
    exif = Image.Exif()
    exif[0x0112] = 6
    save(face.transpose(Image.Transpose.ROTATE_90), zoo / "turned.jpg", exif=exif, quality=92)
    save(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8), zoo / "noise.png")
    save(astronaut()[:, 210:], zoo / "cut.png")
    save(Image.fromarray(hopper()).resize((100, 117)), zoo / "small.png")
    (zoo / "folder.jpg").mkdir()
    save(face, zoo / "folder.jpg" / "within.jpg", quality=92)
    expected = dict.fromkeys(
        ["jpeg_named", "cmyk", "sixteen", "palette", "animated", "turned", "folder.jpg/within"], "ok"
    )
    expected |= dict.fromkeys(["empty", "truncated", "text"], "undecodable")
    return expected | {
        "bomb": "too_large",
        "long": "too_large",
        "pixel": "no_face",
        "noise": "no_face",
        "cut": "outside",
        "small": "too_small",
    }


def stock_half_good(zoo: Path) -> dict[str, str]:
    """Pictures that are nearly whole, or whole with something strange around the pixels."""
    face = Image.fromarray(astronaut()[:360, 60:420])
    jpeg = io.BytesIO()
    face.save(jpeg, "JPEG", quality=92)
    good = jpeg.getvalue()
    (zoo / "trailing.jpg").write_bytes(good + b"\0trailing rubbish" * 50)
    (zoo / "overwritten.jpg").write_bytes(good[:9000] + b"\xff\xd9" + bytes(300) + good[9302:])
    save(face, zoo / "broken_profile.jpg", quality=92, icc_profile=b"no profile" * 30)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", "x" * 3_000_000, zip=True)
    save(face, zoo / "talkative.png", pnginfo=notes)
    clear = face.convert("RGBA")
    clear.putalpha(200)
    save(clear, zoo / "clear.png")
    save(face.convert("L").convert("F"), zoo / "floating.tif")
    save(face, zoo / f"{'n' * 251}.jpg", quality=92)
    (zoo / "a[").mkdir()
    save(face, zoo / "a[" / "b].jpg", quality=92)
    save(face, zoo / "two.png")
    save(face, zoo / "two#0.png")
    (zoo / "two.json").write_text("{")  # a file beside a photo, which no setting reads
    deep = zoo.joinpath(*"deep" * 20)
    deep.mkdir(parents=True)
    save(face, deep / "down.jpg", quality=92)
    for name in ("@eaDir", "__MACOSX", ".hidden"):
        (zoo / name).mkdir()
        save(face, zoo / name / "copy.jpg", quality=92)
    (zoo / "._two.png").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    kept = ["trailing", "broken_profile", "talkative", "clear", "n" * 251, "a[/b]", "two", "two##0"]
    expected = dict.fromkeys([*kept, f"{'/'.join('deep' * 20)}/down"], "ok")
    return expected | dict.fromkeys(["overwritten", "floating"], "undecodable")
