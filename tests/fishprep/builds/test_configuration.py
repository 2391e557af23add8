"""What a recipe holds, what it does not, and how wrong settings are named."""

import pytest

from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.builds.versions import version_changes, versions_of
from fishprep.common.errors import ConfigurationError

PARSER = {"size": 192}, {"weights.pth": "ab"}


def recipe(**settings: object) -> str:
    return recipe_hash(BuildConfiguration.parse(settings), *PARSER, {})


def test_the_recipe_is_what_training_must_agree_on() -> None:
    same = {
        "landmarks": "fan",
        "faces": "all",
        "seed": 5,
        "shard_size": 7,
        "min_side": 9,
        "source": "helen",
        "threads": 3,
    }
    for name, value in same.items():
        assert recipe(**{name: value}) == recipe(), name
    other = {"crop": "dic", "expand": 1.4, "resizer": "torch-bicubic", "mask_resizer": "nearest", "parser": "x"}
    assert len({recipe(**{name: value}) for name, value in other.items()} | {recipe()}) == len(other) + 1
    assert recipe(expand=1.5) == recipe(), "the recipe's own factor, spelt out, is the same recipe"
    assert recipe_hash(BuildConfiguration(), {"size": 512}, PARSER[1], {}) != recipe()
    other_name = recipe_hash(BuildConfiguration(), PARSER[0], {"other name.pth": "ab"}, {})
    assert other_name == recipe(), "a file's name is not content"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"mask_resizer": "area:0.5"}, {"mask_resizer": "area:0.50"}),
        ({"mask_resizer": "area:1"}, {"mask_resizer": "area:1.0"}),
        ({"mask_resizer": "area:0.12345678"}, {"mask_resizer": "area:1.2345678e-1"}),
        ({"expand": None}, {"expand": 1.5}),
        ({"crop": "dic"}, {"crop": "dic", "expand": 1.3}),
        ({"skin_classes": ("skin", "nose")}, {"skin_classes": ("nose", "skin")}),
    ],
)
def test_one_thing_said_in_two_ways_is_one_configuration(one: dict[str, object], other: dict[str, object]) -> None:
    first, second = BuildConfiguration.parse(one), BuildConfiguration.parse(other)
    assert first == second and recipe(**one) == recipe(**other)
    as_before = BuildConfiguration.recorded(BuildConfiguration(**other).model_dump(mode="json"))
    assert first.model_copy(update={"min_score": 0.35}).differences(as_before) == []


def test_what_an_old_build_recorded_keeps_its_spelling() -> None:
    """Its recipe was hashed from it."""
    assert BuildConfiguration.recorded({"mask_resizer": "area:0.50"}).mask_resizer == "area:0.50"


@pytest.mark.parametrize(("thorough", "detector"), [(False, "hog"), (True, "hog+cnn")])
def test_a_build_from_before_detectors_had_those_of_then(thorough: bool, detector: str) -> None:
    then = BuildConfiguration().model_dump(mode="json")
    del then["detector"]
    recorded = BuildConfiguration.recorded({**then, "thorough": thorough})
    assert (recorded.detector, recorded.thorough) == (detector, False)
    assert recorded.differences(BuildConfiguration.parse({"detector": detector})) == []
    assert recorded.differences(BuildConfiguration()) == [f"detector: {detector} → hog+blazeface"]


def test_a_setting_that_came_later_is_written_where_it_is_used_alone() -> None:
    """Shards keep the bytes, and builds the record, that they had before there was such a setting."""
    usual = BuildConfiguration().filled({}, {"precision": "float32"})
    other = BuildConfiguration.parse({"parser_precision": "bfloat16"})
    assert "parser_precision" not in usual.json_text() and '"parser_precision":"bfloat16"' in other.json_text()
    assert usual.differences(other) == ["parser_precision: float32 → bfloat16"]
    assert usual.differences(other, one_recipe=True) == []
    assert BuildConfiguration.recorded(other.model_dump(mode="json")) == other
    assert BuildConfiguration.recorded(usual.model_dump(mode="json")) == usual


def test_the_precision_that_weights_are_made_for_is_filled_in_with_them() -> None:
    asked = BuildConfiguration()
    assert asked.parser_precision is None and "parser_precision" not in asked.json_text()
    assert asked.filled({"w": "ab"}, {"precision": "int8"}).differences(
        asked.filled({"w": "ab"}, {"precision": "float32"})
    ) == ["parser_precision: int8 → float32"]
    assert asked.filled({}, {}).parser_precision == "float32"  # of a parser that is no network
    then = BuildConfiguration.recorded({"weights": {"w": "ab"}})  # before there was a choice
    assert then.parser_precision == "float32"


def test_the_name_of_a_weight_file_is_no_difference() -> None:
    here, there = (BuildConfiguration(weights={name: "ab"}) for name in ("a.pth", "b.pth"))
    assert here.differences(there) == []
    assert here.differences(BuildConfiguration(weights={"a.pth": "cd"})) == [
        "weights: {'a.pth': 'ab'} → {'a.pth': 'cd'}"
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"expand": 0}, "--expand"),
        ({"shard_size": 0, "max_outside": 2}, "--max-outside.*--shard-size|--shard-size.*--max-outside"),
        ({"detector": "yolo"}, r"--detector: 'yolo' is not one of hog, blazeface, cnn, hog\+blazeface, hog\+cnn"),
        ({"detector": "hog", "thorough": True}, "--thorough is BlazeFace's, which --detector hog leaves out"),
        ({"crop": "round"}, "--crop: 'round' is not one of square, dic"),
        ({"resizer": "lanczos"}, "--resizer"),
        ({"faces": "smallest"}, "--faces"),
        ({"parser_precision": "float16"}, "--parser-precision.*bfloat16"),
        ({"colour": "red"}, "--colour"),
        ({"skin_classes": ()}, "at least one class"),
    ],
)
def test_wrong_settings_are_named_as_flags(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        BuildConfiguration.parse(settings)


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({}, True),
        ({"detector": "blazeface"}, True),
        ({"detector": "hog"}, False),
        ({"detector": "hog+cnn"}, False),
        ({"landmarks": "fan"}, False),
        ({"device": "cuda"}, False),  # where PyTorch computes BlazeFace
        ({"detector": "hog", "parser_precision": "int8"}, True),
        ({"detector": "hog", "parser_precision": "int8", "device": "cuda"}, False),
    ],
)
def test_onnxruntime_is_recorded_where_it_runs(settings: dict[str, object], runs: bool) -> None:
    configuration = BuildConfiguration.parse(settings)
    assert ("onnxruntime" in versions_of(configuration)) == runs
    begun_without = {name: version for name, version in versions_of(configuration).items() if name != "onnxruntime"}
    changes = version_changes(begun_without, configuration)
    assert [change.partition(" → ")[0] for change in changes] == (["onnxruntime: none"] if runs else [])


def test_differences_are_spelt_out() -> None:
    assert BuildConfiguration().differences(BuildConfiguration(expand=1.4)) == ["expand: None → 1.4"]
