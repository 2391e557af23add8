"""Tensors from honest, damaged and hostile files."""

import os
import pickle
import resource
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fishprep.common.errors import WeightsError
from fishprep.common.tensors import load_state_dict, metadata, save_tensors


class _Hostile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_torch_file_is_refused_and_not_run(tmp_path: Path, legacy: bool) -> None:
    path, target = tmp_path / "evil.pth", tmp_path / "made-by-the-file"
    torch.save({"a": _Hostile(target)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(WeightsError, match="never run"):
        load_state_dict(path)
    path.write_bytes(pickle.dumps({"a": _Hostile(target)}))
    with pytest.raises(WeightsError):
        load_state_dict(path)
    assert not target.exists()


def test_an_archive_that_claims_more_than_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(1 << 22))
    with pytest.raises(WeightsError, match="claims to hold more"):
        load_state_dict(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files_say_which_file(tmp_path: Path, suffix: str) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    tensors = {"a": torch.arange(1000.0), "b": torch.ones(3, 4)}
    save_file(tensors, whole) if suffix == ".safetensors" else torch.save(tensors, whole)
    content = whole.read_bytes()
    for damaged in (b"", content[:7], content[: len(content) // 2], b"\xff" * 64, b"not a model\n" * 9):
        path.write_bytes(damaged)
        with pytest.raises(WeightsError, match=path.name):
            load_state_dict(path)
    with pytest.raises(WeightsError, match="absent"):
        load_state_dict(tmp_path / f"absent{suffix}")


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"a": {"b": torch.ones(2)}}, {1: torch.ones(2)}, {}])
def test_anything_but_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match="expected"):
        load_state_dict(path)


def test_counts_of_a_profiler_are_no_weights(tmp_path: Path) -> None:
    torch.save(
        {"a.weight": torch.ones(2), "a.total_ops": torch.zeros(1), "total_params": torch.zeros(1)}, tmp_path / "t.pth"
    )
    assert list(load_state_dict(tmp_path / "t.pth")) == ["a.weight"]


def test_both_formats_give_the_same_tensors(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(4, 5), "b": torch.arange(6)}
    save_file(tensors, tmp_path / "t.safetensors", metadata={"class_order": "facexlib"})
    torch.save(tensors, tmp_path / "t.pth")
    for name in ("t.safetensors", "t.pth"):
        loaded = load_state_dict(tmp_path / name)
        assert all(torch.equal(loaded[k], v) for k, v in tensors.items())
        assert loaded.keys() == tensors.keys()
    assert metadata(tmp_path / "t.safetensors") == {"class_order": "facexlib"}
    assert metadata(tmp_path / "t.pth") == {}


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path) -> None:
    """safetensors writes the header's fields in an order that differs from call to call."""
    tensors = {f"t{i}": torch.full((i + 1,), float(i), dtype=(torch.float16, torch.int64)[i % 2]) for i in range(6)}
    header = {f'field {i} \u00e9\x7f\n\x1f"': "\u2192\\" * i for i in range(8)}
    written = set()
    for i in range(8):
        path = tmp_path / f"{i}.safetensors"
        save_tensors(path, tensors, header)
        written.add(path.read_bytes())
    assert len(written) == 1
    loaded = load_state_dict(path)
    assert metadata(path) == header and loaded.keys() == tensors.keys()
    assert all(
        torch.equal(loaded[name], tensors[name]) and loaded[name].dtype == tensors[name].dtype for name in tensors
    )


def test_what_stands_survives_tensors_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    save_tensors(path, {"a": torch.ones(2)}, {})
    before = path.read_bytes()
    shared = torch.ones(4)
    with pytest.raises((OSError, RuntimeError)):
        save_tensors(path, {"a": shared, "b": shared[:2]}, {})
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_file_that_torch_is_refused_is_no_traceback(tmp_path: Path) -> None:
    """safetensors opens the file, torch does so again, and says with an error of its own that it may not."""
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.ones(2)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    refused = []
    for limit in range(free, soft):  # the next free numbers may lie far above the first
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        try:
            found = load_state_dict(path)
            break
        except WeightsError as error:
            refused.append(str(error))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert torch.equal(found["a"], torch.ones(2))
    assert refused and all("cannot be read" in each for each in refused), refused


def test_so_is_a_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.ones(2)}, path)

    def refused(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"unable to open file <{path}> in read-only mode: Input/output error (5)")

    monkeypatch.setattr("fishprep.common.tensors.safe_open", refused)
    with pytest.raises(WeightsError, match=r"a\.safetensors cannot be read.*Input/output"):
        metadata(path)
