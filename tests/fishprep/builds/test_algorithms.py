"""What each version of an algorithm gives. Where a digest differs, raise the version beside the algorithm and write the new
digest here; versions are what keeps shards of two rules from being mixed under one recipe. (Of detectors and networks only the
constants are held here: a constant more, that changes no result, needs the new digest alone.)"""

import hashlib
import io
import tempfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_build import points

from fishprep import landmarks
from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.decoding import decode
from fishprep.detectors import blazeface as detector
from fishprep.detectors import blazeface_graph, blazeface_network, suppression, tiles
from fishprep.faces import crop, pyramid
from fishprep.landmarks import (
    aligned,
    annotation,
    blazeface,
    chip,
    dlib,
    fan,
    geometry,
    known_place,
    marked,
    marks,
    predictor,
    search,
    second_look,
    select,
    sense,
    upright,
)
from fishprep.parsing import PARSERS, given, landmark_skin, network_parser, placement, reading, skin
from fishprep.parsing.base import DEFAULT_PARSER
from fishprep.parsing.landmark_skin import LandmarkSkinSettings
from fishprep.parsing.networks import bisenet, compact, eight_bits
from fishprep.shards.versions import differences

PICTURE = np.random.default_rng(5).integers(0, 256, (218, 178, 3), dtype=np.uint8)


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:12]


def crops(name: str) -> str:
    boxes = []
    for dx, dy, scale in ((0, 0, 1), (41.3, 60.8, 0.71), (-30, 90, 1.9)):
        box = crop.CropRecipe(name).box(points() * scale + (dx, dy), 178, 218)
        boxes += [np.array(box), crop.cut(PICTURE, box)]
    return digest(*boxes)


def turned_crops() -> str:
    """Where they lie: of its pixels, which OpenCV interpolates, tests/fishprep/faces/test_turned.py says how near they are."""
    recipe = crop.CropRecipe(upright=True)
    faces = [points() * scale + shift for shift, scale in ((0, 1), ((41.3, 60.8), 0.71))]
    places = [(*recipe.box(face, 178, 218), recipe.angle(face)) for face in faces]
    return digest(np.round(places, 2), crop.cut(PICTURE, (29.5, 39.5, 100.5, 110.5), 90.0))


def sizes(name: str) -> str:
    hr = pyramid.hr_face(PICTURE[:178], name)
    return digest(hr, *pyramid.lr_pyramid(hr[None], name).values())


def maps(method: str) -> str:
    mask = (PICTURE[:128, :128, 0] > 120).astype(np.uint8)[None]
    return digest(*skin.skin_pyramid(mask, (64, 32, 16, 8), method).values())


def given_maps() -> str:
    """Of a mask of 64 px, which is brought to 128."""
    classes = (PICTURE[:64, :64, 0] % 19).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(classes).save(f"{folder}/m.png")
        Image.fromarray(classes % 2 * 255).save(f"{folder}/s.png")
        maps = [
            given.GivenMaps(name, skin.SkinFusion()).read(Path(folder) / ("s.png" if name == "masks-skin" else "m.png"))
            for name in given.GIVEN
        ]
    return digest(*maps)


def fused() -> str:
    classes = (PICTURE[..., 0] % 19).astype(np.uint8)
    return digest(skin.SkinFusion.of(("skin",)).fuse(classes), skin.SkinFusion.of(("nose", "hair")).fuse(classes))


def decoded() -> str:
    """Of formats that every release of their libraries decodes alike."""
    colours = Image.fromarray(PICTURE)
    grey = Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 251)
    pictures = [colours, grey, *(colours.convert(mode) for mode in ("L", "1", "P", "RGBA"))]
    pictures[-1].putalpha(Image.fromarray(PICTURE[..., 1]))
    files = [_encoded(picture, "PNG") for picture in pictures] + [_encoded(colours.convert("CMYK"), "TIFF")]
    return digest(*(decode.decode(data, decode.Limits()) for data in files))


def _encoded(picture: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format)
    return stream.getvalue()


def constants(*modules: ModuleType) -> str:
    """Of the numbers that stand in capitals in modules: what an algorithm gives hangs on them, and on more than them."""
    named = {f"{module.__name__}.{name}": value for module in modules for name, value in vars(module).items()}
    numbers = {name: value for name, value in named.items() if name.rpartition(".")[2].isupper() and _is_number(value)}
    return digest_text(sorted(numbers.items()))


def _is_number(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_number, value))
    return isinstance(value, int | float)


def digest_text(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


GIVEN = {
    ("crop-square", 1): (lambda: crops("square"), "ac58434b5e57"),
    ("crop-dic", 1): (lambda: crops("dic"), "3cc088210830"),
    ("crop-none", 1): (lambda: crops("none"), "a395907d59cd"),
    ("crop-upright", 1): (turned_crops, "c142117f4412"),
    ("resizer-pillow-bicubic", 1): (lambda: sizes("pillow-bicubic"), "7a51b7f09d49"),
    ("resizer-matlab-bicubic", 1): (lambda: sizes("matlab-bicubic"), "a9d42c1dd6fd"),
    ("resizer-torch-bicubic", 1): (lambda: sizes("torch-bicubic"), "aef608152858"),
    ("mask-resizer-nearest", 1): (lambda: maps("nearest"), "7516bb74a333"),
    ("mask-resizer-area", 1): (lambda: maps("area:0.5"), "71bd3c0e8a8a"),
    ("fusion", 1): (fused, "99768bfdb6a9"),
    ("decoder", 3): (decoded, "15813a68cb03"),
    ("faces", 1): (lambda: constants(select, known_place, geometry), "3f6c2bd9f692"),
    ("landmarks-dlib", 2): (lambda: constants(dlib, search, second_look, chip), "b3acb8982025"),
    ("landmarks-fan", 2): (lambda: constants(fan, chip, sense) + digest(sense.MEAN_FACE), "bf724628258594a3a2187d8b"),
    ("landmarks-aligned", 1): (lambda: constants(aligned, dlib, predictor, chip), "1113cabced11"),
    ("landmarks-marked", 1): (lambda: constants(marked, marks, upright), "15e1468816a1"),
    ("landmarks-annotation", 2): (
        lambda: constants(annotation, sense) + digest(sense.MEAN_FACE),
        "7a6c5f4166a094a3a2187d8b",
    ),
    ("detector-hog", 1): (lambda: constants(dlib, search, second_look), "b3acb8982025"),
    ("detector-cnn", 1): (lambda: constants(dlib, search, second_look), "b3acb8982025"),
    ("detector-blazeface", 5): (
        lambda: constants(blazeface, upright, detector, blazeface_graph, blazeface_network, tiles, suppression),
        "26e7f2591aef",
    ),
    ("parser-bisenet", 1): (lambda: constants(network_parser, bisenet, placement, reading), "8a38eaea8980"),
    ("parser-bisenet-fishfsr", 1): (lambda: constants(network_parser, bisenet, placement, reading), "8a38eaea8980"),
    ("parser-compact-fishfsr", 1): (
        lambda: constants(network_parser, compact, eight_bits, placement, reading),
        "8e0750ada69e",
    ),
    ("parser-compact", 1): (lambda: constants(network_parser, compact, eight_bits, placement, reading), "8e0750ada69e"),
    **{(f"parser-{name}", 1): (given_maps, "7f8ebdb680f6") for name in given.GIVEN},
    ("parser-landmark-skin", 1): (
        lambda: constants(landmark_skin) + digest_text(LandmarkSkinSettings()),
        "585e4f2b0a351a14d712dbef",
    ),
}


@pytest.mark.parametrize("algorithm", GIVEN, ids=lambda algorithm: algorithm[0])
def test_an_algorithm_gives_what_its_version_gave(algorithm: tuple[str, int]) -> None:
    make, expected = GIVEN[algorithm]
    assert make() == expected, f"{algorithm[0]} gives something else: raise its version"


def test_every_named_algorithm_has_a_version_and_its_pin() -> None:
    assert crop.VERSIONS.keys() == crop.RECIPES.keys()
    named = [f"crop-{name}" for name in (*crop.RECIPES, "upright")] + [f"resizer-{name}" for name in pyramid.RESIZERS]
    named += [f"mask-resizer-{name}" for name in skin.RESIZE_VERSIONS] + [f"parser-{name}" for name in PARSERS]
    named += [f"landmarks-{name}" for name in landmarks.BACKENDS]
    named += [f"detector-{name}" for name in landmarks.DETECTORS] + ["decoder", "fusion", "faces"]
    pinned = {name for name, _ in GIVEN}
    assert pinned == set(named)
    now = {name.removeprefix("fishprep/"): int(version) for name, version in algorithms.everything().items()}
    assert now == dict(list(GIVEN))


def test_versions_stand_in_the_recipe_or_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = BuildConfiguration()

    def recipe() -> str:
        return recipe_hash(configuration, {}, {}, algorithms.in_recipe(configuration))

    first, before = recipe(), algorithms.versions(configuration)
    assert first == recipe_hash(configuration, {}, {}, {}), "first versions leave the recipe of old shards as it is"
    changes: tuple[tuple[dict[str, Any], str, Any], ...] = (
        (crop.VERSIONS, "square", 2),
        (pyramid.RESIZERS, "pillow-bicubic", replace(pyramid.RESIZERS["pillow-bicubic"], version=2)),
        (skin.RESIZE_VERSIONS, "area", 2),
        (PARSERS, DEFAULT_PARSER, replace(PARSERS[DEFAULT_PARSER], version=2)),
    )
    for table, name, later in changes:
        with monkeypatch.context() as changed:
            changed.setitem(table, name, later)
            assert recipe() != first, name
    for module, attribute in ((decode, "VERSION"), (select, "VERSION")):
        with monkeypatch.context() as changed:
            changed.setattr(module, attribute, 99)
            assert recipe() == first
            (difference,) = differences(before, algorithms.versions(configuration))
            assert difference.endswith("→ 99")
            assert len(differences({"torch": "2"}, algorithms.versions(configuration))) >= 1
    with monkeypatch.context() as changed:
        changed.setitem(crop.VERSIONS, "dic", 2)
        assert recipe() == first, "a rule that is not used"
