"""Photos in ZIP, TAR and Parquet files: the same shards as from a folder, and nothing that hostile archives could do."""

import io
import os
import pickle
import struct
import tarfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated import in_process, write_photo
from here import Here
from support import rows, run, shards

from fishprep.common.errors import DecodeError, SourceError
from fishprep.decoding.decode import Limits
from fishprep.engines import ENGINES
from fishprep.faces.photo import Photo
from fishprep.places import parquet_cell
from fishprep.sources import SourceRequest, open_source

pytestmark = pytest.mark.usefixtures("in_process")
__all__ = ["in_process"]

FLAGS = ("--landmarks", "annotation", "--parser", "landmark-skin", "--device", "cpu", "--workers", 1, "--shard-size", 3)
"""No detector, so that a build takes a moment: the points lie in a folder of their own."""


def build(source: Path, out: Path, points: Path, *flags: object, code: int = 0) -> None:
    run("fishprep", "build", source, out, *FLAGS, "--points", points, *flags, code=code)


def listed(source: Path) -> dict[str, Photo]:
    return {photo.relative: photo for photo in open_source(SourceRequest(source)).listing().photos}


def content(photo: Photo, limits: Limits | None = None) -> bytes | str:
    """What is read, or the status and the reason why not."""
    if photo.problem is not None:
        return f"{photo.problem.status}: {photo.problem.reason}"
    try:
        return photo.place.read(limits or Limits()).data
    except DecodeError as error:
        return f"{error.status}: {error.reason}"


def pack_zip(folder: Path, to: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(to, "w", method) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder))
    return to


def pack_tar(folder: Path, to: Path) -> Path:
    with tarfile.open(to, "w") as file:
        file.add(folder, ".")
    return to


def pack_parquet(folder: Path, to: Path, per_group: int = 2) -> Path:
    pictures = sorted(path for path in folder.rglob("*") if path.suffix in (".png", ".jpg"))
    images = [{"bytes": path.read_bytes(), "path": path.relative_to(folder).as_posix()} for path in pictures]
    table = pa.table({"image": images, "label": list(range(len(images)))})
    pq.write_table(table, to, row_group_size=per_group)
    return to


PACKED: dict[str, Callable[[Path, Path], Path]] = {
    "zip": pack_zip,
    "tar": pack_tar,
    "parquet": pack_parquet,
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos in folders of splits: some with a face, one damaged, one by a name that is no ASCII."""
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(("train/a", "train/b", "train/deep/ä", "test/c")):
        write_photo(folder, name, number)
    (folder / "test" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


@pytest.fixture(scope="module")
def from_folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "folder"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        build(photos, out, photos)
    return out


@pytest.mark.parametrize("kind", PACKED)
def test_shards_are_those_of_the_folder(kind: str, photos: Path, from_folder: Path, tmp_path: Path) -> None:
    archive = PACKED[kind](photos, tmp_path / f"faces.{kind}")
    build(archive, tmp_path / "out", photos)
    assert shards(tmp_path / "out") == shards(from_folder) != {}
    names = ("samples.parquet", *(path.name for path in from_folder.glob("t*-*.parquet")))
    for name in names:
        assert (tmp_path / "out" / name).read_bytes() == (from_folder / name).read_bytes(), name
    assert "sound" in run("fishprep", "verify", tmp_path / "out").out


@pytest.mark.parametrize("layout", ["flat", "as-downloaded"])
def test_celeba_is_known_in_its_zip(layout: str, tmp_path: Path) -> None:
    """Its lists lie beside the archive, or in the folders that the download has."""
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    images = plain / "img_align_celeba"
    images.mkdir(parents=True)
    for number in (1, 2, 3):
        write_photo(images, f"00000{number}", number).rename(images / f"00000{number}.jpg")
    lists = {
        "list_eval_partition.txt": "000001.jpg 0\n000002.jpg 2\n000003.jpg 0\n000004.jpg 1\n",
        "identity_CelebA.txt": "000001.jpg 7\n000002.jpg 8\n000003.jpg 7\n",
    }
    beside = {"flat": packed, "as-downloaded": packed / "Anno"}[layout]
    archive = {"flat": packed, "as-downloaded": packed / "Img"}[layout] / "img_align_celeba.zip"
    for folder in (beside, archive.parent):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (plain / name).write_text(text)
        (beside / name).write_text(text)
    with zipfile.ZipFile(archive, "w") as file:
        file.mkdir("img_align_celeba")
        for path in sorted(images.glob("*.jpg")):
            file.write(path, f"img_align_celeba/{path.name}")
    build(plain, tmp_path / "one", plain)
    build(archive, tmp_path / "two", plain)
    assert shards(tmp_path / "one") == shards(tmp_path / "two") != {}
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    found = rows(tmp_path / "two")
    assert (
        found["img_align_celeba/000004"]["status"] == "missing" and found["img_align_celeba/000002"]["identity"] == "8"
    )
    whole = listed(packed)
    assert [(p.id.rpartition("/")[2], p.split) for p in whole.values() if not p.problem] == [
        ("000001", "train"),
        ("000002", "test"),
        ("000003", "train"),
    ]


def test_what_is_tried_again_and_shown_is_read_from_the_archive(photos: Path, tmp_path: Path) -> None:
    archive, out = pack_zip(photos, tmp_path / "faces.zip"), tmp_path / "out"
    build(archive, out, photos, "--min-side", 300, code=3)
    run("fishprep", "report", out)
    shown = (out / "report.html").read_text()
    assert "not to be seen any more" not in shown and shown.count("data:image") >= 4
    run("fishprep", "retry", out, "--status", "too_small", "--min-side", 64, "--device", "cpu", "--workers", 1)
    assert {row["status"] for row in rows(out).values()} == {"ok", "undecodable"}
    assert "sound" in run("fishprep", "verify", out).out


def zip_of(tmp_path: Path, name: str = "a.jpg", data: bytes = b"some bytes" * 100) -> Path:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return path


def change(path: Path, at: int, value: bytes) -> Path:
    data = bytearray(path.read_bytes())
    at = at if at >= 0 else len(data) + at
    data[at : at + len(value)] = value
    path.write_bytes(data)
    return path


def directory(path: Path) -> int:
    """Where the directory of a ZIP begins."""
    return path.read_bytes().rindex(b"PK\1\2")


def test_bytes_of_a_zip_that_are_not_those_of_its_directory(tmp_path: Path) -> None:
    (photo,) = listed(change(zip_of(tmp_path), 40, b"\xff\xff")).values()
    assert "unreadable: damaged in the ZIP file" in content(photo)  # type: ignore[operator]
    (photo,) = listed(change(path := zip_of(tmp_path), directory(path) + 16, b"\0\0\0\0")).values()
    assert "(CRC)" in content(photo)  # type: ignore[operator]
    (photo,) = listed(change(path := zip_of(tmp_path), directory(path) + 24, struct.pack("<I", 5))).values()
    assert content(photo).startswith("unreadable")  # type: ignore[union-attr]
    (photo,) = listed(change(path := zip_of(tmp_path), 0, b"PK\5\6")).values()
    assert "no member begins" in content(photo)  # type: ignore[operator]
    (photo,) = listed(change(path := zip_of(tmp_path), directory(path) + 20, struct.pack("<I", 2**31))).values()
    assert "packed, it is larger" in content(photo)  # type: ignore[operator]


def test_a_bomb_is_never_unpacked_beyond_what_the_directory_says(tmp_path: Path) -> None:
    path = zip_of(tmp_path, data=bytes(50 * 2**20))
    (photo,) = listed(path).values()
    assert (
        content(photo, Limits(max_bytes=2**20)) == "too_large: 52,428,800 bytes, the limit is 1,048,576 (--max-bytes)"
    )
    (photo,) = listed(change(path, directory(path) + 24, struct.pack("<I", 100_000))).values()
    tracemalloc.start()
    assert content(photo).startswith("unreadable: damaged in the ZIP file")  # type: ignore[union-attr]
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_members_that_are_not_read_have_rows_that_say_why(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as file:
        warnings.simplefilter("ignore")
        for name in (
            "fine/a.jpg",
            "/abs.jpg",
            "../up.jpg",
            "twice.jpg",
            "./twice.jpg",
            "notes.txt",
            "both.jpg",
            "both.jpg/x.txt",
        ):
            file.writestr(name, name)
        file.writestr("lzma.jpg", "x", zipfile.ZIP_LZMA)
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    change(path, directory_of(path, b"fine/a.jpg") + 8, b"\1")  # the flag of what is encrypted
    said = {name: content(photo) for name, photo in listed(path).items()}
    words = {
        "fine/a.jpg": "encrypted",
        "/abs.jpg": "absolute name",
        "../up.jpg": "leads out",
        "twice.jpg": "2 times",
        "lzma.jpg": "method 14",
        "link.jpg": "a link",
        "both.jpg": "a folder",
    }
    assert said.keys() == words.keys()
    assert all(str(said[name]).startswith("unreadable") and word in said[name] for name, word in words.items())  # type: ignore[operator]


def directory_of(path: Path, name: bytes) -> int:
    return path.read_bytes().rindex(name) - 46


def test_names_that_are_no_ascii(tmp_path: Path) -> None:
    """UTF-8 is read as such, whether the flag says so or not; what is none is what it was to DOS."""
    path = zip_of(tmp_path, "\xe4.jpg")
    assert list(listed(path)) == ["\xe4.jpg"]
    for at in (6, directory(path) + 8):
        change(path, at, b"\0\0")
    assert list(listed(path)) == ["\xe4.jpg"]
    path = zip_of(tmp_path, "ab.jpg")
    path.write_bytes(path.read_bytes().replace(b"ab.jpg", b"\x84b.jpg"))
    assert list(listed(path)) == ["\xe4b.jpg"] and content(listed(path)["\xe4b.jpg"]) == b"some bytes" * 100
    with tarfile.open(tmp_path / "x.tar", "w") as file:
        info = tarfile.TarInfo(os.fsdecode(b"caf\xe9.jpg"))
        info.size = 4
        file.addfile(info, io.BytesIO(b"four"))
    ((name, photo),) = listed(tmp_path / "x.tar").items()
    assert (name, content(photo)) == ("caf\\xe9.jpg", b"four")


def test_a_tar_that_is_cut_or_holds_more_than_files(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as file:
        for kind, name in ((tarfile.SYMTYPE, "link.jpg"), (tarfile.FIFOTYPE, "pipe.jpg"), (tarfile.REGTYPE, "a.jpg")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", 3000 if kind == tarfile.REGTYPE else 0
            file.addfile(info, io.BytesIO(bytes(3000)))
    said = {name: content(photo) for name, photo in listed(path).items()}
    assert "a link" in said["link.jpg"] and "no ordinary file" in said["pipe.jpg"] and said["a.jpg"] == bytes(3000)  # type: ignore[operator]
    assert content(listed(path)["a.jpg"], Limits(max_bytes=2000)).startswith("too_large")  # type: ignore[union-attr]
    photo = listed(path)["a.jpg"]
    path.write_bytes(path.read_bytes()[:3500])
    with pytest.raises(SourceError, match="damaged, or no TAR file: unexpected end of data"):
        listed(path)
    os.utime(path, ns=(1, int(photo.place.archive.stamp.version)))  # type: ignore[attr-defined]
    assert content(photo).startswith("changed")  # type: ignore[union-attr]


def test_pictures_of_a_parquet_file_have_names(tmp_path: Path) -> None:
    for split, paths in (("train", ["a.jpg", "", "b.jpg"]), ("test", ["a.jpg", "/home/me/c.jpg", None])):
        images = [{"bytes": f"{split} {n}".encode(), "path": path} for n, path in enumerate(paths)]
        pq.write_table(pa.table({"image": images}), tmp_path / f"{split}-00000-of-00001.parquet", row_group_size=2)
    found = {name: (photo.split, content(photo)) for name, photo in listed(tmp_path).items()}
    assert found == {
        "train/train-00000-of-00001#0": ("train", b"train 0"),
        "train/train-00000-of-00001#1": ("train", b"train 1"),
        "train/b.jpg": ("train", b"train 2"),
        "test/test-00000-of-00001#0": ("test", b"test 0"),
        "test/test-00000-of-00001#1": ("test", b"test 1"),
        "test/test-00000-of-00001#2": ("test", b"test 2"),
    }
    pq.write_table(pa.table({"jpg": [b"one", None]}), path := tmp_path / "plain.parquet")
    assert [content(photo) for photo in listed(path).values()] == [b"one", "unreadable: no bytes in its row"]
    pq.write_table(pa.table({"label": [1]}), path)
    with pytest.raises(SourceError, match="its columns are label; expected one `image`"):
        listed(path)


@pytest.mark.parametrize("kind", PACKED)
def test_an_archive_that_changed_since_it_was_listed(kind: str, photos: Path, tmp_path: Path) -> None:
    archive = PACKED[kind](photos, tmp_path / f"faces.{kind}")
    photo = pickle.loads(pickle.dumps(listed(archive)["train/a.png"]))
    whole = content(photo)
    assert whole == (photos / "train" / "a.png").read_bytes()
    os.utime(archive, ns=(1, 1))
    parquet_cell._pictures.cache_clear()
    assert content(photo) == f"changed: faces.{kind} has changed since the build was planned"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("faces.tar.gz", "tar -xzf"),
        ("faces.TGZ", "tar -xzf"),
        ("img_celeba.7z", "7z x"),
        ("img_celeba.7z.001", "7z x"),
        ("faces.rar", "unrar x"),
    ],
)
def test_what_must_be_unpacked_is_refused_with_the_command(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    for source in (tmp_path / name, tmp_path):
        refused = run("fishprep", "plan", source, *FLAGS, code=1).err
        assert f"run `{command} {tmp_path / name}`" in refused and "Traceback" not in refused


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_damaged_archive_is_refused_in_one_line(kind: str, cut: int, photos: Path, tmp_path: Path) -> None:
    archive = PACKED[kind](photos, tmp_path / f"faces.{kind}")
    data = archive.read_bytes()
    archive.write_bytes(data[:cut] if cut >= 0 else b"\xff" * len(data))
    with pytest.raises(SourceError, match=r"damaged, or no|no photos in it"):
        listed(archive)


def test_a_list_may_be_a_text_of_paths_or_a_parquet_file(tmp_path: Path) -> None:
    for name in ("a.jpg", "deep/b.jpg", "c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    (tmp_path / "list.txt").write_text("deep/b.jpg\na.jpg\nnowhere.jpg\n")
    table = pa.table({"n": [1, 2], "Path": ["a.jpg", "deep/b.jpg"], "split": ["train", "test"], "id": ["A", None]})
    pq.write_table(table, tmp_path / "list.parquet")

    def names(table: str) -> dict[str, tuple[str, str, bool]]:
        photos = open_source(SourceRequest(tmp_path, table=tmp_path / table)).listing().photos
        return {photo.relative: (photo.id, photo.split, photo.problem is None) for photo in photos}

    assert names("list.parquet") == {"a.jpg": ("A", "train", True), "deep/b.jpg": ("deep/b", "test", True)}
    assert names("list.txt") == {
        "a.jpg": ("a", "train", True),
        "deep/b.jpg": ("deep/b", "train", True),
        "nowhere.jpg": ("nowhere", "train", False),
    }
    pq.write_table(pa.table({"file": ["a.jpg"]}), tmp_path / "other.parquet")
    for name, words in {"other.parquet": "empty", "list.txt.parquet": "cannot be read"}.items():
        (tmp_path / "list.txt.parquet").write_bytes(b"no table")
        with pytest.raises(SourceError, match=words):
            names(name)
    archive = pack_zip(tmp_path / "deep", tmp_path / "x.zip")
    with pytest.raises(SourceError, match="a --list goes with a folder"):
        open_source(SourceRequest(archive, table=tmp_path / "list.txt"))


def test_a_name_that_is_too_long_for_any_path(tmp_path: Path) -> None:
    name = "/".join(["dddd"] * 1100) + "/a.jpg"
    assert content(listed(zip_of(tmp_path, name))[name]) == b"some bytes" * 100


def test_points_beside_photos_in_an_archive_are_not_read_and_that_is_said(photos: Path, tmp_path: Path) -> None:
    archive = pack_zip(photos, tmp_path / "faces.zip")
    run("fishprep", "build", archive, tmp_path / "out", *FLAGS, code=3)
    said = {row["status"]: row["reason"] for row in rows(tmp_path / "out").values() if row["id"] != "test/broken"}
    assert (
        list(said) == ["bad_annotation"]
        and "unpack them into a folder and give that with --points" in said["bad_annotation"]
    )
