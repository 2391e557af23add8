"""OpenCV, loaded when it is first used: it needs libraries of the system that slim containers lack, and `--help` needs none."""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from fishprep.common.errors import MissingLibraryError

WAYS_OUT = (
    "install the system's libraries (Debian, Ubuntu: apt-get install libgl1 libglib2.0-0), or the OpenCV that needs none: "
    "pip uninstall opencv-python, then pip install opencv-python-headless"
)


@cache
def load_opencv() -> ModuleType:
    """The module `cv2`. Raises MissingLibraryError, with the two ways out, where it cannot be loaded."""
    try:
        return import_module("cv2")
    except ImportError as error:
        reason = str(error).partition("\n")[0]
        raise MissingLibraryError(f"OpenCV cannot be loaded ({reason}): {WAYS_OUT}") from error


class _WhenUsed:
    """Stands for the module; its attributes are the module's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(load_opencv(), name)


cv2: Any = _WhenUsed()
