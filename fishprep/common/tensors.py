"""Tensors in files: those of strangers read as data or refused, never run; ours written with the same bytes each time."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fishprep.common.errors import WeightsError
from fishprep.common.files import atomic, check_regular
from fishprep.common.mistaken import mistaken_for


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Named tensors, on the CPU, of a safetensors or a torch (.pth, .pt, .pth.tar) file; no code in the file is ever run.

    Counts of operations that a profiler left beside the weights are passed over. WeightsError: unreadable, damaged, something
    else under the name of weights, pickled code, or anything but a flat mapping of names to dense tensors.
    """
    if mistaken := mistaken_for(path):
        raise WeightsError(f"weights {path}: this is {mistaken}")
    try:
        loaded = _load_safetensors(path) if path.suffix == ".safetensors" else load_torch(path)
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {_one_line(error)}") from error
    except UnpicklingError as error:
        raise WeightsError(
            f"weights {path} are refused: not a plain file of tensors; it may hold code, which is never run"
        ) from error
    except (
        SafetensorError,
        RuntimeError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        IndexError,
    ) as error:
        raise WeightsError(f"weights {path} are damaged or of another format ({_one_line(error)})") from error
    return {name: tensor for name, tensor in _flat_tensors(loaded, path).items() if not is_count(name)}


def is_count(name: str) -> bool:
    """Whether a tensor is no weight but a count that a profiler (thop) keeps in every module."""
    return name.rpartition(".")[2] in ("total_ops", "total_params")


def metadata(path: Path) -> dict[str, str]:
    """What the header of a safetensors file says of itself; empty for other files. WeightsError where it is damaged."""
    if path.suffix != ".safetensors":
        return {}
    try:
        with safetensors_file(path) as stream:
            return dict(stream.metadata() or {})
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {_one_line(error)}") from error
    except SafetensorError as error:
        raise WeightsError(f"weights {path} are damaged or of another format ({_one_line(error)})") from error


def save_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write safetensors atomically: the same bytes for the same tensors and header.

    OSError where the file cannot be written; the file that stood there stands then.
    """
    # Not by the library's `save_file`, which writes beside `path` under a name that nobody could tell for a leftover.
    content = save(dict(tensors), dict(header))
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        start = 8 + int.from_bytes(content[:8], "little")
        stream.write(content[:8] + _sorted_header(content[8:start]))
        stream.write(memoryview(content)[start:])


def _sorted_header(header: bytes) -> bytes:
    """The library writes the header's fields in an order that differs from call to call; the length stays as it is."""
    ordered = json.dumps(json.loads(header), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    if len(ordered) > len(header):
        raise OSError("the header of a safetensors file was written in a way that is not known")
    return ordered.ljust(len(header))


@contextmanager
def safetensors_file(path: Path) -> Iterator[Any]:
    """The library's handle of a file of tensors on the CPU. OSError where it cannot be read; SafetensorError where it is another file."""
    check_regular(path)
    try:
        handle = safe_open(path, framework="pt", device="cpu")
    except RuntimeError as error:  # of torch, which opens the file once more
        raise OSError(f"{error}".strip()) from error
    with handle as stream:
        yield stream


def _load_safetensors(path: Path) -> object:
    with safetensors_file(path) as stream:
        return {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - the handle is no mapping


def load_torch(path: Path) -> object:
    """What a torch file holds, nothing in it run; numbers and arrays of NumPy, and arguments of a program, are `Unread`.

    Raises WeightsError for an archive that claims more than it holds, and whatever `torch.load` does.
    """
    check_regular(path)
    if zipfile.is_zipfile(path):
        _check_archive(path)
    with torch.serialization.safe_globals([(Unread, name) for name in _UNREAD]):
        return torch.load(path, map_location="cpu", weights_only=True)


class Unread:
    """Stands for a value beside the weights that is not looked at: what would make it is never called."""

    def __new__(cls, *values: object) -> "Unread":
        return super().__new__(cls)

    def __init__(self, *values: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


_UNREAD = (
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *("numpy.dtype", "numpy.ndarray", "argparse.Namespace"),
)
"""What people save beside weights (the best score, the arguments of their program), by the names in a pickle."""


def _check_archive(path: Path) -> None:
    """torch.save stores its entries uncompressed, so what they claim to hold can never exceed the file; programs have constants too."""
    try:
        with zipfile.ZipFile(path) as archive:
            claimed = sum(entry.file_size for entry in archive.infolist())
            program = any(name.rpartition("/")[2] == "constants.pkl" for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise WeightsError(f"weights {path} are damaged or of another format ({_one_line(error)})") from error
    if claimed > path.stat().st_size:
        raise WeightsError(f"weights {path} are refused: the archive claims to hold more than the file does")
    if program:  # torch would open it after all, and tell people to read it as code
        raise WeightsError(
            f"weights {path} are refused: a program of TorchScript, not a file of tensors; it is never run"
        )


def _flat_tensors(loaded: object, path: Path) -> dict[str, Tensor]:
    if not isinstance(loaded, Mapping) or not loaded:
        raise WeightsError(f"weights {path}: expected names with tensors, found {type(loaded).__name__}")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise WeightsError(f"weights {path}: expected a dense tensor under every name, not so under {name!r}")
    return dict(loaded)


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].strip() or type(error).__name__
