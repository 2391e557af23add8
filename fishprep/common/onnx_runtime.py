"""onnxruntime, loaded so that it reports to nobody."""

import os
from importlib import import_module
from types import ModuleType

SILENT = "ORT_DISABLE_TELEMETRY"
"""Read once, when the module is loaded."""


def load_onnxruntime() -> ModuleType:
    """The module, in 0.1 s. ImportError or OSError where it cannot be loaded.

    Its releases since 1.29 otherwise send an account of each process to their maker, and keep an id of the machine in the cache folder
    (microsoft/onnxruntime, pull request 27379). Whoever has set the variable himself is heard.
    """
    os.environ.setdefault(SILENT, "1")
    return import_module("onnxruntime")
