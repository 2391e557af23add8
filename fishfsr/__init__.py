"""Face super-resolution guided by parsing maps: ParsingNet and FishFSRNet, their training and their use.

>>> resolver = fishfsr.load("x8.safetensors")        # doctest: +SKIP
>>> sr = resolver.upscale(lr)                        # doctest: +SKIP

`load` reads a trained pair; `create_model` and `list_models` are the registry of networks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fishfsr.checkpoint import load_checkpoint, save_checkpoint
    from fishfsr.inference.resolver import FaceSuperResolver, load
    from fishfsr.inference.runner import InferenceOptions
    from fishfsr.models.registry import create_model, list_models

_HOMES = {
    "FaceSuperResolver": "fishfsr.inference.resolver",
    "InferenceOptions": "fishfsr.inference.runner",
    "create_model": "fishfsr.models.registry",
    "list_models": "fishfsr.models.registry",
    "load": "fishfsr.inference.resolver",
    "load_checkpoint": "fishfsr.checkpoint",
    "save_checkpoint": "fishfsr.checkpoint",
}

__all__ = [
    "FaceSuperResolver",
    "InferenceOptions",
    "create_model",
    "list_models",
    "load",
    "load_checkpoint",
    "save_checkpoint",
]


def __getattr__(name: str) -> Any:
    """Import the public names on first use: `import fishfsr` alone must not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
