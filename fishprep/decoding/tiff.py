"""What the tags of a TIFF say of its samples, and what of that is not read here."""

from PIL import ExifTags, Image, TiffImagePlugin

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.decoding.jpeg import take_apart
from fishprep.decoding.jpeg_whole import check_whole
from fishprep.decoding.metadata import MOST_FRAMES, Metadata

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""What a TIFF, or one of more than 4 GB, begins with."""

_WHITE_IS_ZERO, _YCBCR = 0, 6
_JPEG, _PREMULTIPLIED = 7, 1
_COLOURS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
_OTHER_COLOURS = {
    4: "a mask",
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32803: "a camera's raw data",
    34892: "linear raw data",
}
_CARRIED = (270, 271, 272, 305, 306, 315, 33432)
_CARRIED_IFDS = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
_FORMATS = {2: "signed", 3: "floating-point", 4: "undefined", 5: "complex", 6: "complex"}


def check(picture: Image.Image) -> tuple[Metadata, bool]:
    """What an opened TIFF says beside its pixels, and whether 0 means white where Pillow does not turn that round.

    DecodeError (`undecodable`), by name, where its values mean something that would come out wrong.
    """
    assert isinstance(picture, TiffImagePlugin.TiffImageFile)
    tags = picture.tag_v2
    formats = set(_values(tags.get(339, (1,))))
    if unusual := formats - {1}:
        raise refused(f"{_FORMATS.get(min(unusual), 'unknown')} samples have no defined black and white")
    bits = set(_values(tags.get(258, (1,))))
    colours = tags.get(262, 0)
    if colours not in _COLOURS:
        raise refused(f"its values are {_OTHER_COLOURS.get(colours, f'colours of kind {colours}')}")
    if len(bits) != 1 or max(bits) > 16:
        raise refused(f"samples of {' and '.join(map(str, sorted(bits)))} bits")
    if colours == _YCBCR and tags.get(259, 1) == 1 and tuple(tags.get(530, (2, 2))) != (1, 1):
        raise refused("its YCbCr values are subsampled without JPEG")
    if tags.get(332, 1) != 1:
        raise refused("its inks are not CMYK")
    extra = _values(tags.get(338, ()))
    if tags.get(284, 1) == 2 and tags.get(259, 1) == 1 and (max(bits) > 8 or _PREMULTIPLIED in extra):
        raise refused("its colours are stored one after the other without compression")
    if tags.get(259, 1) == _JPEG:
        _check_strips(picture)
    notes = ("a channel of no stated meaning was passed over",) if 0 in extra else ()
    metadata = Metadata(
        exif=_exif(picture),
        xmp=_bytes(tags.get(700, b"")),
        icc=_bytes(tags.get(34675, b"")),
        dpi=picture.info.get("dpi"),
        frames=_frames(picture),
        bits=bits.pop(),
        notes=notes,
    )
    return metadata, colours == _WHITE_IS_ZERO and picture.mode.startswith("I")


def _check_strips(picture: TiffImagePlugin.TiffImageFile) -> None:
    """Strips and tiles that are each a JPEG, of which libtiff keeps the warnings to itself."""
    tags, stream = picture.tag_v2, picture.fp
    starts, sizes = (tags.get(tag) or tags.get(other, ()) for tag, other in ((273, 324), (279, 325)))
    assert stream is not None
    before, tables = stream.tell(), _bytes(tags.get(347, b""))
    for start, size in zip(_values(starts), _values(sizes), strict=False):
        stream.seek(start)
        data = (tables[:-2] or b"\xff\xd8") + stream.read(size)[2:]
        check_whole(data, take_apart(data))
    stream.seek(before)


def refused(what: str) -> DecodeError:
    """The error for a file that is whole but not read here."""
    return DecodeError(Status.UNDECODABLE, f"a TIFF that is not read: {what}; convert it to 8 or 16 bits, grey or RGB")


def _values(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,)  # type: ignore[return-value]


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _exif(picture: Image.Image) -> bytes:
    """What a copy may carry: who, when, with what, where; not how these samples are stored."""
    carried, tags = Image.Exif(), picture.getexif()
    try:
        carried.update({tag: tags[tag] for tag in _CARRIED if tag in tags})
        carried.update({ifd: dict(part) for ifd in _CARRIED_IFDS if (part := tags.get_ifd(ifd))})
        return carried.tobytes().removeprefix(b"Exif\0\0") if carried else b""
    except Exception:  # tags that cannot be written again are left behind
        return b""


def _frames(picture: TiffImagePlugin.TiffImageFile) -> int:
    """Directories of the file, counted along their chain; Pillow's own count has no end where the chain is long."""
    stream, ifd = picture.fp, picture.tag_v2
    if stream is None:
        return 1
    order = "big" if ifd.prefix == b"MM" else "little"
    wide = getattr(ifd, "_bigtiff", False)
    if wide:
        return 1
    before, count, seen, at = stream.tell(), 1, set(), ifd.next
    while at and at not in seen and count < MOST_FRAMES:
        seen.add(at)
        stream.seek(at)
        entries = int.from_bytes(stream.read(2), order)  # type: ignore[arg-type]
        stream.seek(at + 2 + 12 * entries)
        link = stream.read(4)
        if len(link) < 4:
            break
        count, at = count + 1, int.from_bytes(link, order)  # type: ignore[arg-type]
    stream.seek(before)
    return count
