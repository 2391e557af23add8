"""What a recipe holds, what it does not, and how wrong settings are named."""

import pytest

from fishprep.configuration import BuildConfiguration, recipe_hash
from fishprep.errors import ConfigurationError

PARSER = {"size": 192}, {"weights.pth": "ab"}


def recipe(**settings: object) -> str:
    return recipe_hash(BuildConfiguration.parse(settings), *PARSER)


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
    assert recipe_hash(BuildConfiguration(), {"size": 512}, PARSER[1]) != recipe()
    assert recipe_hash(BuildConfiguration(), PARSER[0], {"other name.pth": "ab"}) == recipe(), (
        "a file's name is not content"
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"expand": 0}, "--expand"),
        ({"shard_size": 0, "max_outside": 2}, "--max-outside.*--shard-size|--shard-size.*--max-outside"),
        ({"crop": "round"}, "--crop: 'round' is not one of square, dic"),
        ({"resizer": "lanczos"}, "--resizer"),
        ({"faces": "smallest"}, "--faces"),
        ({"colour": "red"}, "--colour"),
        ({"skin_classes": ()}, "at least one class"),
    ],
)
def test_wrong_settings_are_named_as_flags(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        BuildConfiguration.parse(settings)


def test_differences_are_spelt_out() -> None:
    assert BuildConfiguration().differences(BuildConfiguration(expand=1.4)) == ["expand: None → 1.4"]
