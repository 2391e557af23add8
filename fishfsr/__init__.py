"""Face super-resolution guided by parsing maps: ParsingNet and FishFSRNet, their training and their use.

A trained pair that comes with the project enlarges an LR face (16 px for x8), given as a Pillow image, an array or a tensor:

>>> import fishfsr, numpy as np
>>> face = np.full((16, 16, 3), 128, np.uint8)
>>> fishfsr.load("x8", device="cpu").upscale(face).shape
(128, 128, 3)

`upscale_photo` finds the faces in a photo and restores them in place; `train` and `evaluate` make pairs from shards and measure
them, `compare` does so with all methods of the paper; `create_model` and `list_models` are the registry of networks,
`shipped_models` the pairs that can be loaded by name. The command `fishfsr` calls what is named here, and nothing below it.
docs/library.md shows all of it.
"""

# ruff: noqa: F401 (imported for type checkers alone: the names of `_PUBLIC`, as a test sees to)

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fishprep.common.version import __version__ as __version__

if TYPE_CHECKING:
    from fishfsr.checkpoint import (
        Checkpoint,
        CheckpointMetadata,
        Details,
        load_checkpoint,
        pack_checkpoint,
        read_metadata,
        save_checkpoint,
    )
    from fishfsr.comparison.budget import TrainingBudget, parse_budget
    from fishfsr.comparison.news import ComparisonNews, FacesMeasured
    from fishfsr.comparison.plan import ComparisonSettings, parse_widths
    from fishfsr.comparison.request import ComparisonRequest
    from fishfsr.comparison.result import Comparison
    from fishfsr.comparison.run import ComparisonOutcome, compare
    from fishfsr.compat.importer import imported_checkpoint
    from fishfsr.errors import (
        CheckpointError,
        ConfigurationError,
        DataError,
        DeviceError,
        FishFSRError,
        InputError,
        MissingExtraError,
        TrainingError,
    )
    from fishfsr.evaluation.evaluate import Evaluation, check_out, evaluate
    from fishfsr.evaluation.restored import restored_sheet
    from fishfsr.evaluation.settings import EvaluationSettings, parse_choices
    from fishfsr.export import Parity, check_extra, export_onnx, export_state_dict, export_torchscript
    from fishfsr.inference.find import find_checkpoint
    from fishfsr.inference.resolver import FaceSuperResolver, load
    from fishfsr.inference.runner import InferenceOptions
    from fishfsr.inference.shipped import ShippedModel, shipped_models
    from fishfsr.models.count import count_parameters
    from fishfsr.registry import ModelRecord, create_model, list_models, model_size
    from fishfsr.training.journal import Note, Trained, TrainingNews, Validated
    from fishfsr.training.request import TrainingOutcome
    from fishfsr.training.start import train
    from fishfsr.upscaling.photo import UpscaledFace, UpscaledPhoto
    from fishfsr.upscaling.pictures import PictureFormat
    from fishfsr.upscaling.record import InputRow
    from fishfsr.upscaling.request import UpscaleProgress, UpscaleReport, UpscaleRequest
    from fishfsr.upscaling.results import PhotoSize
    from fishfsr.upscaling.upscaler import Upscaler, UpscaleSettings, upscale_photo
    from fishfsr.web.server import serve_page, web_app
    from fishfsr.web.settings import WebSettings

_PUBLIC = {
    "fishfsr.checkpoint": "Checkpoint CheckpointMetadata Details load_checkpoint pack_checkpoint read_metadata save_checkpoint",
    "fishfsr.compat.importer": "imported_checkpoint",
    "fishfsr.comparison.budget": "TrainingBudget parse_budget",
    "fishfsr.comparison.plan": "ComparisonSettings parse_widths",
    "fishfsr.comparison.result": "Comparison",
    "fishfsr.comparison.news": "ComparisonNews FacesMeasured",
    "fishfsr.comparison.request": "ComparisonRequest",
    "fishfsr.comparison.run": "ComparisonOutcome compare",
    "fishfsr.errors": "CheckpointError ConfigurationError DataError DeviceError FishFSRError InputError MissingExtraError "
    "TrainingError",
    "fishfsr.evaluation.evaluate": "Evaluation check_out evaluate",
    "fishfsr.evaluation.restored": "restored_sheet",
    "fishfsr.evaluation.settings": "EvaluationSettings parse_choices",
    "fishfsr.export": "Parity check_extra export_onnx export_state_dict export_torchscript",
    "fishfsr.inference.find": "find_checkpoint",
    "fishfsr.inference.resolver": "FaceSuperResolver load",
    "fishfsr.inference.runner": "InferenceOptions",
    "fishfsr.inference.shipped": "ShippedModel shipped_models",
    "fishfsr.models.count": "count_parameters",
    "fishfsr.registry": "ModelRecord create_model list_models model_size",
    "fishfsr.training.journal": "Note Trained TrainingNews Validated",
    "fishfsr.training.request": "TrainingOutcome",
    "fishfsr.training.start": "train",
    "fishfsr.upscaling.photo": "UpscaledFace UpscaledPhoto",
    "fishfsr.upscaling.pictures": "PictureFormat",
    "fishfsr.upscaling.record": "InputRow",
    "fishfsr.upscaling.results": "PhotoSize",
    "fishfsr.upscaling.request": "UpscaleProgress UpscaleReport UpscaleRequest",
    "fishfsr.upscaling.upscaler": "UpscaleSettings Upscaler upscale_photo",
    "fishfsr.web.server": "serve_page web_app",
    "fishfsr.web.settings": "WebSettings",
}
_HOMES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    """Import the public names on first use: `import fishfsr` alone must not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
