"""A PNG taken apart: the chunks that make its pixels, and what the others say, within bounds."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fishprep.common.errors import DecodeError
from fishprep.common.status import Status
from fishprep.decoding.colour import MOST_PROFILE_BYTES
from fishprep.decoding.metadata import Metadata
from fishprep.decoding.primaries import BT709, BT709_CURVE, D65, SRGB_CURVE, Point, rgb_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_TEXT = 2**20
"""Bytes of a text that is looked into; all others are passed over unread, whatever they hold."""

_PIXELS = (b"IHDR", b"PLTE", b"IDAT", b"tRNS")
_XMP, _RAW_EXIF = b"XML:com.adobe.xmp", b"Raw profile type exif"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_SAME_GAMMA = 0.05  # share within which libpng, too, takes a gamma for the screen's

_PRIMARIES: dict[int, tuple[tuple[Point, Point, Point], Point]] = {
    1: (BT709, D65),
    5: (((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), D65),
    6: (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), D65),
    7: (((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)), D65),
    9: (((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), D65),
    11: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), (0.314, 0.351)),
    12: (((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65),
}
"""Primaries and white by their numbers in ITU-T H.273, which the chunk cICP uses."""

_CURVES = {
    **dict.fromkeys((1, 6, 14, 15), BT709_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: SRGB_CURVE,
}
_HIGH_DYNAMIC_RANGE = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class Png:
    """codec: the file without what no pixel depends on. width, height: in its header. key: of its transparent colour."""

    codec: bytes
    width: int
    height: int
    key: tuple[int, ...]
    metadata: Metadata


def take_apart(data: bytes) -> Png:
    """DecodeError (`undecodable`) where a chunk that makes pixels is damaged, or where the values mean high dynamic range."""
    kept: list[bytes | memoryview] = [SIGNATURE]
    found: dict[bytes, bytes] = {}
    texts: dict[bytes, bytes] = {}
    for kind, whole, body in _chunks(data):
        sound = zlib.crc32(whole[4:-4]) == int.from_bytes(whole[-4:], "big")
        if kind in _PIXELS:
            if not sound:
                raise _damaged(f"a chunk {kind.decode()} whose sum does not fit")
            kept.append(whole)
        elif kind in _TEXTS:
            keyword = bytes(body[:80]).partition(b"\0")[0]
            if sound and keyword in (_XMP, _RAW_EXIF):
                texts.setdefault(keyword, _text(kind, bytes(body)))
        if sound and len(body) <= MOST_PROFILE_BYTES and kind not in (b"IDAT", *_TEXTS):
            found.setdefault(kind, bytes(body))
    if len(found.get(b"IHDR", b"")) != 13:
        raise _damaged("no header")
    kept.append(struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND")))
    width, height, bits, colours = struct.unpack(">IIBB", found[b"IHDR"][:10])
    metadata = Metadata(
        exif=found.get(b"eXIf") or _raw_profile(texts.get(_RAW_EXIF, b"")),
        xmp=texts.get(_XMP, b""),
        dpi=_dpi(found.get(b"pHYs", b"")),
        frames=int.from_bytes(found.get(b"acTL", b"\0\0\0\1")[:4], "big"),
        bits=bits,
    )
    key = found.get(b"tRNS", b"") if colours in (0, 2) else b""
    words = struct.unpack(f">{len(key) // 2}H", key[: len(key) // 2 * 2])
    return Png(b"".join(kept), width, height, words, replace(metadata, **_colours(found)))


def _damaged(what: str) -> DecodeError:
    return DecodeError(Status.UNDECODABLE, f"damaged PNG: {what}")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """Name, whole chunk and body, up to the end mark or to where the file ends between two chunks."""
    view, at = memoryview(data), len(SIGNATURE)
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            raise _damaged("it is cut off")
        if kind == b"IEND":
            return
        yield kind, view[at:end], view[at + 8 : end - 4]
        at = end


def _text(kind: bytes, body: bytes) -> bytes:
    """The text of a chunk; empty where it is damaged or longer than `MOST_TEXT`."""
    rest = body.partition(b"\0")[2]
    packed = kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    text = _unpacked(rest, MOST_TEXT) if packed else rest
    return text if text is not None and len(text) <= MOST_TEXT else b""


def _unpacked(packed: bytes, most: int) -> bytes | None:
    """None where it is damaged or would be longer."""
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(packed, most + 1)
    except zlib.error:
        return None
    return text if len(text) <= most else None


def _raw_profile(text: bytes) -> bytes:
    """The EXIF block that ImageMagick wrote as hexadecimal text: a name, a length, the digits."""
    parts = text.split(None, 2)
    try:
        return (
            bytes.fromhex(b"".join(parts[2].split()).decode("ascii")).removeprefix(b"Exif\0\0")
            if len(parts) == 3
            else b""
        )
    except ValueError:
        return b""


def _dpi(body: bytes) -> tuple[float, float] | None:
    if len(body) != 9 or body[8] != 1:
        return None
    across, down = struct.unpack(">II", body[:8])
    return (across * 0.0254, down * 0.0254) if across and down else None


def _colours(found: dict[bytes, bytes]) -> dict[str, Any]:
    """The profile, by whatever chunk names it; of several the one that the standard puts first."""
    if len(code := found.get(b"cICP", b"")) == 4:
        if kind := _HIGH_DYNAMIC_RANGE.get(code[1]):
            reason = f"its values mean high dynamic range ({kind}): convert it to sRGB"
            raise DecodeError(Status.UNDECODABLE, reason)
        if code[0] in _PRIMARIES and code[1] in _CURVES and code[2:] == b"\0\1":
            return {"icc": rgb_profile(*_PRIMARIES[code[0]], _CURVES[code[1]])}
    if b"iCCP" in found:
        packed = found[b"iCCP"].partition(b"\0")[2][1:]
        profile = _unpacked(packed, MOST_PROFILE_BYTES)
        return {"icc": profile} if profile else {"icc_problem": "it cannot be unpacked, or is too large"}
    if b"sRGB" in found:
        return {}
    return _primaries(found)


def _primaries(found: dict[bytes, bytes]) -> dict[str, Any]:
    gamma = int.from_bytes(found.get(b"gAMA", b""), "big") / 100_000
    points = struct.unpack(">8I", found[b"cHRM"]) if len(found.get(b"cHRM", b"")) == 32 else ()
    usual = not gamma or abs(gamma * 2.2 - 1) <= _SAME_GAMMA
    if usual and not points:
        return {}
    if gamma and not 0.1 <= gamma <= 10:
        return {"icc_problem": f"a gamma of {gamma:g}"}
    pairs: list[Point] = [(points[i] / 1e5, points[i + 1] / 1e5) for i in range(0, len(points), 2)]
    white, *primaries = pairs or [D65, *BT709]
    try:
        curve = SRGB_CURVE if usual else (1 / gamma,)
        return {"icc": rgb_profile((primaries[0], primaries[1], primaries[2]), white, curve)}
    except (ValueError, ZeroDivisionError, struct.error) as error:
        return {"icc_problem": str(error)}
