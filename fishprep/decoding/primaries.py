"""Colour spaces that a file names by numbers (primaries, white, curve) → ICC profiles, so that one way of converting serves all."""

import struct
from functools import lru_cache

import numpy as np

Point = tuple[float, float]

D65: Point = (0.3127, 0.3290)
BT709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))

_D50 = np.array((0.9642, 1.0, 0.8249))
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
"""Parameters of ICC's parametric curve 3; a plain power is one number."""


@lru_cache(16)
def rgb_profile(primaries: tuple[Point, Point, Point], white: Point, curve: tuple[float, ...]) -> bytes:
    """An ICC profile (version 2.4 with parametric curves) of an RGB space. ValueError where they make no space."""
    red, green, blue = _columns(primaries, white)
    coded = _curve(curve)
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 1) + bytes(79),
        b"cprt": b"text\0\0\0\0\0",
        b"wtpt": _xyz(_D50),
        b"rXYZ": _xyz(red),
        b"gXYZ": _xyz(green),
        b"bXYZ": _xyz(blue),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), coded),
    }
    return _assembled(tags)


def _columns(primaries: tuple[Point, Point, Point], white: Point) -> list[np.ndarray]:
    """XYZ of the primaries, adapted to the profile's white (D50) by Bradford."""
    if not all(0 < y <= 1 and 0 <= x <= 1 for x, y in (*primaries, white)):
        raise ValueError("primaries outside of all colours")
    points = np.array([_to_xyz(point) for point in primaries]).T
    if abs(np.linalg.det(points)) < 1e-6:
        raise ValueError("primaries on a line")
    seen = _to_xyz(white)
    columns = points * np.linalg.solve(points, seen)
    scale = (_BRADFORD @ _D50) / (_BRADFORD @ seen)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD @ columns
    return list(adapted.T)


def _to_xyz(point: Point) -> np.ndarray:
    x, y = point
    return np.array((x / y, 1.0, (1 - x - y) / y))


def _curve(parameters: tuple[float, ...]) -> bytes:
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(_number(value) for value in parameters)


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_number(float(value)) for value in values)


def _number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    start, body, table = 132 + 12 * len(tags), b"", struct.pack(">I", len(tags))
    for sign, content in tags.items():
        content += bytes(-len(content) % 4)
        table += sign + struct.pack(">II", start + len(body), len(content))
        body += content
    head = struct.pack(">I4xI", start + len(body), 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    return head + _xyz(_D50)[8:] + bytes(48) + table + body
