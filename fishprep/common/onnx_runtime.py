"""onnxruntime, loaded so that it reports to nobody."""

import os
from importlib import import_module
from types import ModuleType

from fishprep.common.errors import MissingLibraryError

SILENT = "ORT_DISABLE_TELEMETRY"
"""Read once, when the module is loaded."""


def load_onnxruntime() -> ModuleType:
    """The module, in 0.1 s. ImportError or OSError where it cannot be loaded.

    Its releases since 1.29 otherwise send an account of each process to their maker, and keep an id of the machine in the cache folder
    (microsoft/onnxruntime, pull request 27379). Whoever has set the variable himself is heard.
    """
    os.environ.setdefault(SILENT, "1")
    return import_module("onnxruntime")


def needed_onnxruntime(use: str, instead: str) -> ModuleType:
    """The same for what needs it. MissingLibraryError says what it is needed for, `use`, and the flag `instead` that does without it."""
    try:
        return load_onnxruntime()
    except (ImportError, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise MissingLibraryError(
            f"onnxruntime, which {use}, cannot be loaded ({reason}): pip install --force-reinstall onnxruntime, or do without it: {instead}"
        ) from error
