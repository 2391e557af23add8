"""Everything that people put into photo folders without meaning to, in one build."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from support import QUICK, astronaut, hopper, rows, run


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


def stock_posix(zoo: Path, outside: Path) -> dict[str, str]:
    """What only POSIX file systems hold."""
    face = Image.fromarray(astronaut()[:360, 60:420])
    save(face, zoo / "two\nlines.jpg", quality=92)
    save(face, Path(os.fsdecode(os.fsencode(zoo) + b"/caf\xe9.jpg")), quality=92)
    save(face, zoo / "\x1b[2J\x1b]0;title\x07.jpg", quality=92)
    save(face, outside / "secret.jpg")
    (zoo / "leaving.jpg").symlink_to(outside / "secret.jpg")
    (zoo / "loop.jpg").symlink_to(zoo / "loop.jpg")
    (zoo / "dangling.jpg").symlink_to(zoo / "nothing.jpg")
    os.mkfifo(zoo / "pipe.jpg")
    expected = {"two\nlines": "ok", r"caf\xe9": "ok", "\x1b[2J\x1b]0;title\x07": "ok", "leaving": "link_outside"}
    expected |= dict.fromkeys(["loop", "dangling", "pipe"], "unreadable")
    if os.geteuid() != 0:
        save(face, zoo / "locked.jpg")
        (zoo / "locked.jpg").chmod(0)
        expected["locked"] = "unreadable"
    return expected


@pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and file names of any bytes")
def test_every_animal_has_its_row(tmp_path: Path) -> None:
    zoo, outside, out = tmp_path / "zoo", tmp_path / "outside", tmp_path / "out"
    zoo.mkdir()
    outside.mkdir()
    expected = stock(zoo) | stock_half_good(zoo) | stock_posix(zoo, outside)
    done = run("fishprep", "build", zoo, out, *QUICK, "--max-bytes", 1_500_000)
    table = rows(out)
    assert {name: row["status"] for name, row in table.items()} == expected
    for name, row in table.items():
        assert bool(row["reason"]) == (row["status"] != "ok"), name
        assert "\n" not in row["reason"]
    assert f"{sum(status == 'ok' for status in expected.values())} samples" in done.out
    np.testing.assert_allclose(table["turned"]["box"], table["jpeg_named"]["box"], atol=3)
    np.testing.assert_allclose(table["talkative"]["box"], table["two"]["box"])
    assert "profile" in table["broken_profile"]["note"]
    assert "\x1b" not in done.out + done.err
    run("fishprep", "inspect", out / "train-00000.h5")
    assert run("fishprep", "verify", out, "--deep").out.strip().endswith("sound")


def test_nothing_but_bad_photos_leaves_no_shard(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "bad.jpg").write_bytes(b"")
    said = run("fishprep", "build", photos, out, *QUICK, code=3)
    assert "nothing was kept: 1 of 1 row undecodable, most often as in 'bad': the file is empty" in said.err
    assert "Next" not in said.out and "1 undecodable" in said.out
    assert rows(out)["bad"]["status"] == "undecodable" and not list(out.glob("*.h5"))
    run("fishprep", "verify", out)


def test_a_build_that_keeps_nothing_names_the_commonest_reason(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(2):
        (photos / f"empty{number}.jpg").write_bytes(b"")
    for side in (41, 52, 63):
        save(Image.new("RGB", (side, side)), photos / f"black{side}.png")
    build = ("fishprep", "build", photos, out, *QUICK, "--max-pixels", 1000)
    for flags in ((), ("--json",)):  # begun, and gone on with
        said = run(*build, *flags, code=3)
        assert said.err.splitlines()[-1] == (
            "nothing was kept: 3 of 5 rows too_large, most often as in 'black41': "
            "41 x 41 pixels, the limit is 1,000 (--max-pixels)"
        )
    retried = run("fishprep", "retry", out, "--status", "undecodable", "--device", "cpu", "--workers", 1, code=3)
    assert "nothing was kept: 3 of 5 rows too_large" in retried.err


@pytest.mark.skipif(os.name != "posix", reason="needs file names of any bytes")
def test_no_command_minds_paths_and_words_that_are_not_utf8(tmp_path: Path) -> None:
    def named(name: bytes) -> Path:
        return Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))

    photos, out, split = named(b"caf\xe9\x1b[31m"), named(b"shards\xff"), named(b"split\xff.txt")
    photos.mkdir()
    save(Image.new("RGB", (300, 300)), photos / "none.png")
    save(astronaut()[:360, 60:420], photos / "face.png")
    split.write_bytes(b"none train\nface train\n")
    build = ("fishprep", "build", photos, out, *QUICK, "--split", split, "--licence", os.fsdecode(b"libre \xe9"))
    for _ in ("begun", "resumed"):
        ran = run(*build)
        assert "\x1b" not in ran.out + ran.err and r"shards\xff" in ran.out
    assert rows(out)["face"]["licence"] == r"libre \xe9"
    run("fishprep", "retry", out, "--status", "no_face", "--max-outside", 1)
    run("fishprep", "verify", out, "--deep")
    run("fishprep", "report", out)
    run("fishprep", "inspect", out / "train-00000.h5")
