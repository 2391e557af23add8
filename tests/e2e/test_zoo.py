"""Everything that people put into photo folders without meaning to, in one build."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import QUICK, astronaut, rows, run
from zoo import save, stock, stock_half_good


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


@pytest.mark.usefixtures("without_workers")
def test_nothing_but_bad_photos_leaves_no_shard(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "bad.jpg").write_bytes(b"")
    said = run("fishprep", "build", photos, out, *QUICK, code=3)
    assert "nothing was kept: 1 of 1 row undecodable, most often as in 'bad': the file is empty" in said.err
    assert "Next" not in said.out and "1 undecodable" in said.out
    assert rows(out)["bad"]["status"] == "undecodable" and not list(out.glob("*.h5"))
    run("fishprep", "verify", out)


@pytest.mark.usefixtures("without_workers")
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
@pytest.mark.usefixtures("without_workers")
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
