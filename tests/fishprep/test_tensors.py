"""Tensors from honest, damaged and hostile files."""

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fishprep.errors import WeightsError
from fishprep.tensors import load_state_dict, metadata


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
