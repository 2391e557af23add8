"""A configuration with all that it leaves open: the hashes of its weights, and the recipe that follows."""

from dataclasses import dataclass

from fishprep.builds import algorithms
from fishprep.builds.configuration import BuildConfiguration, recipe_hash
from fishprep.builds.networks import WeightsFrom, load_networks
from fishprep.common.errors import ConfigurationError
from fishprep.common.threads import threads
from fishprep.parsing import PARSERS, named
from fishprep.parsing.base import DEFAULT_PARSER


@dataclass(frozen=True)
class Resolved:
    """A configuration with the hashes of its weights, and its recipe."""

    configuration: BuildConfiguration
    recipe: str


def resolve(configuration: BuildConfiguration, weights: WeightsFrom) -> Resolved:
    """Load everything once, on the CPU, to know that it is there and what it is; the caller's threads stay."""
    from fishprep.common.device import resolve_device  # with torch, as the networks are

    resolve_device(configuration.device)
    configuration = configuration.model_copy(update={"parser": named(configuration.parser, weights.parser)})
    with threads(configuration.threads, opencv=True):
        loaded = load_networks(configuration.model_copy(update={"device": "cpu"}), weights)
    parser, backend = loaded.parser, loaded.pipeline.backend
    if configuration.keep_classes and not PARSERS[configuration.parser].has_classes:
        raise ConfigurationError(
            f"--keep-classes: the parser {configuration.parser} knows only skin, no classes; use --parser {DEFAULT_PARSER}"
        )
    known = configuration.filled({**backend.weights, **parser.weights}, parser.settings)
    return Resolved(known, recipe_hash(known, parser.settings, parser.weights, algorithms.in_recipe(known)))
