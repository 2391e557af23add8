"""Bytes that are almost what they should be."""

import json
import random
from typing import Any

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 1e308, "", "x" * 5000, "\0", "../../etc/passwd", "/etc/passwd", "\udcff"),
    *([], {}, [[]], {"a": {}}, "nan", "9" * 5000, [None], ["../x"]),
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, most of them at the ends, where headers are; or something cut, doubled, put in."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        near = min(len(changed), 4096)
        place = rng.choice((rng.randrange(near), len(changed) - 1 - rng.randrange(near), rng.randrange(len(changed))))
        match rng.randrange(7):
            case 0:
                changed[place] ^= 1 << rng.randrange(8)
            case 1:
                changed[place] = rng.randrange(256)
            case 2:
                place -= place % 8
                changed[place : place + 8] = rng.choice(EXTREMES).to_bytes(8, "little")
            case 3:
                changed[place : place + 4] = (rng.choice(EXTREMES) & 0xFFFFFFFF).to_bytes(4, "little")
            case 4:
                del changed[place:]
            case 5:
                del changed[place : place + rng.randrange(1, 64)]
            case 6:
                changed[place:place] = changed[place : place + rng.randrange(1, 64)]
    return bytes(changed)


def mutated_json(data: bytes, rng: random.Random) -> bytes:
    """One value, or key, that it should not have; at times only bytes are changed."""
    if rng.random() < 0.3:
        return mutated(data, rng)
    document = json.loads(data)
    place, key = rng.choice(list(_places(document)))
    match rng.randrange(4):
        case 0 if isinstance(place, dict):
            place["unknown"] = place.pop(key)
        case 1:
            del place[key]
        case _:
            place[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def mutated_safetensors(data: bytes, rng: random.Random) -> bytes:
    """The header's values and its length; at times any bytes."""
    if rng.random() < 0.3:
        return mutated(data, rng)
    end = 8 + int.from_bytes(data[:8], "little")
    header = mutated_json(data[8:end], rng) if rng.random() < 0.5 else _inner(data[8:end], rng)
    length = len(header) if rng.random() < 0.9 else rng.choice(EXTREMES)
    return length.to_bytes(8, "little") + header + data[end:]


def _inner(header: bytes, rng: random.Random) -> bytes:
    """What the JSON texts within the header's metadata say."""
    document = json.loads(header)
    said = document["__metadata__"]
    name = rng.choice(sorted(said))
    try:
        said[name] = mutated_json(said[name].encode(), rng).decode("utf-8", "replace")
    except (ValueError, IndexError):
        said[name] = "none"
    return json.dumps(document).encode()


def _places(document: Any) -> Any:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in list(items):
        yield document, key
        yield from _places(value)
