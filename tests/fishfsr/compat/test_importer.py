"""The authors' checkpoints: equal to the fixtures and to a second implementation, hostile files refused."""

import argparse
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import authors
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fishfsr.checkpoint import load_checkpoint
from fishfsr.compat.importer import from_authors_state, import_authors, read_pickle
from fishfsr.errors import CheckpointError, ConfigurationError
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishprep.common.errors import WeightsError
from fishprep.common.tensors import Unread, load_state_dict

Images = Callable[..., Tensor]


def drawn(name: str, width: int = 8, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        key: torch.randn(shape, generator=generator) * (0.5 / (np.prod(shape[1:]) if len(shape) > 1 else 20)) ** 0.5
        for key, shape in authors.keys(name, width).items()
    }


def fixture_weights(path: Path) -> dict[str, Tensor]:
    """The weights that belong to a parity fixture, by the recipe beside it."""
    state = {}
    for line in path.read_text().splitlines():
        key, size = line.split("\t")
        shape = tuple(int(part) for part in size.split("x"))
        draw = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode()))).standard_normal(shape, np.float32)
        factor = 0.5 * np.sqrt(1 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        state[key] = torch.from_numpy((draw * factor).astype(np.float32))
    return state


@pytest.mark.faces
@pytest.mark.parametrize("name", ["parsingnet", "fishfsrnet_x4", "fishfsrnet_x8"])
def test_parity(name: str, shared: Path) -> None:
    network = from_authors_state(fixture_weights(shared / "parity" / f"{name}_keys.txt"), name).eval()
    arrays = {key: torch.from_numpy(value) for key, value in np.load(shared / "parity" / f"{name}.npz").items()}
    with torch.inference_mode():
        if name == "parsingnet":
            output, expected = network(arrays["lr"]), arrays["parsing"]
        else:
            output, expected = network(arrays["lr"], arrays["parsing"]), arrays["sr"]
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-5)


@pytest.mark.faces
@pytest.mark.parametrize(
    ("name", "file"), [("parsingnet", "parsingnet"), ("x4", "fishfsrnet_x4"), ("x8", "fishfsrnet_x8")]
)
def test_the_second_implementation_knows_the_same_tensors(name: str, file: str, shared: Path) -> None:
    lines = (shared / "parity" / f"{file}_keys.txt").read_text().splitlines()
    listed = {key: tuple(map(int, size.split("x"))) for key, size in (line.split("\t") for line in lines)}
    assert authors.keys(name, 64) == listed


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("name", ["x4", "x8"])
@pytest.mark.parametrize("seed", [1, 2])
def test_other_weights(name: str, older: bool, seed: int, images: Images) -> None:
    state = drawn(name, seed=seed)
    network = from_authors_state(authors.older_layout(state) if older else state, name).eval()
    lr, parsing = images(2, 4), images(2, 4, seed=9)
    with torch.inference_mode():
        expected = authors.fishfsrnet({k: v.double() for k, v in state.items()}, lr.double(), parsing.double())
        output = network(lr, parsing)
    assert expected.std() > 1e-2
    torch.testing.assert_close(output, expected.float(), rtol=1e-5, atol=1e-5)


def test_other_weights_of_parsing_net(images: Images) -> None:
    state, lr = drawn("parsingnet"), images(2, 5)
    network = from_authors_state(state, "parsingnet").eval()
    assert network.config.map_channels == 3
    with torch.inference_mode():
        torch.testing.assert_close(network(lr), authors.parsing_net(state, lr), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}, "optimizer": {"step": 1}},
        lambda state: {"net": {"state_dict": {f"module._orig_mod.{key}": value for key, value in state.items()}}},
        lambda state: {key: value.half() for key, value in state.items()},
        lambda state: {key: nn.Parameter(value) for key, value in state.items()},
    ],
    ids=["bare", "state_dict", "data parallel", "twice", "half", "parameters"],
)
def test_wrappings(wrap: Callable[[dict[str, Tensor]], object], tmp_path: Path) -> None:
    state = drawn("x4", width=4)
    torch.save(wrap(state), tmp_path / "wrapped.pth")
    network = import_authors(tmp_path / "wrapped.pth")
    assert isinstance(network, AuthorsFishFSRNet) and network.config.scale == 4
    torch.testing.assert_close(network.first.weight.detach(), state["head.0.weight"], rtol=1e-3, atol=1e-3)
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("legacy", [False, True])
def test_what_lies_beside_the_weights_is_passed_over(legacy: bool, tmp_path: Path) -> None:
    state = drawn("x8", width=4)
    counted = {f"module.{key}": value for key, value in state.items()}
    counted |= {key: torch.zeros(1, dtype=torch.float64) for key in ("total_ops", "module.head.0.total_params")}
    numbers = {"best": np.float64(27.1), "step": np.int64(3), "curve": np.arange(4.0), "name": np.str_("é")}
    whole = {"state_dict": {**counted, "epoch": 3}, **numbers, "args": argparse.Namespace(lr=np.float32(1e-4))}
    torch.save(whole, tmp_path / "x8.pth", _use_new_zipfile_serialization=not legacy)
    notes: list[str] = []
    network = import_authors(tmp_path / "x8.pth", notes.append)
    torch.testing.assert_close(network.first.weight.detach(), state["head.0.weight"])
    assert notes == ["x8.pth: no weights, passed over: total_ops, module.head.0.total_params, epoch"]


def test_numbers_of_numpy_are_not_made(tmp_path: Path) -> None:
    """Not even those that are allowed for: a number whose type lies about itself has nobody to lie to."""
    torch.save({"best": np.float64(1)}, tmp_path / "numbers.pth")
    assert [type(value) for value in read_pickle(tmp_path / "numbers.pth").values()] == [Unread]


MISTAKEN = {
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
    "page": (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><title>Sign in</title>", "web page"),
    "old page": (b"<HTML><HEAD>", "web page"),
    "answer": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "server's answer"),
    "json": (b'{"error": "not found"}', "server's answer"),
    "nothing": (b"", "empty file"),
}


@pytest.mark.parametrize("what", MISTAKEN)
def test_what_downloads_leave_behind_is_named(what: str, tmp_path: Path) -> None:
    content, words = MISTAKEN[what]
    for name in ("x8.pth", "x8.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name}.*this is .*{words}"):
            import_authors(tmp_path / name)
        with pytest.raises(CheckpointError, match=f"{name}.*this is .*{words}"):
            load_checkpoint(tmp_path / name)
        with pytest.raises(WeightsError, match=f"{name}.*this is .*{words}"):
            load_state_dict(tmp_path / name)


def test_legacy_container(tmp_path: Path) -> None:
    torch.save(drawn("parsingnet", 4), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert import_authors(tmp_path / "old.pth").config.width == 4


class Bomb:
    """Unpickling this makes a file: the sign that code ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_code_is_refused_and_does_not_run(how: str, tmp_path: Path) -> None:
    file, sign = tmp_path / "evil.pth", tmp_path / "ran"
    payload = {"state_dict": drawn("parsingnet", 4), "bomb": Bomb(sign)}
    if how == "pickle":
        file.write_bytes(pickle.dumps(Bomb(sign)))
    else:
        torch.save(payload, file, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(CheckpointError, match=r"evil\.pth: refused"):
        import_authors(file)
    assert not sign.exists()


def test_a_whole_pickled_network_is_refused_with_advice(tmp_path: Path) -> None:
    torch.save(nn.DataParallel(nn.Conv2d(3, 4, 3)), tmp_path / "whole.pth")
    with pytest.raises(CheckpointError, match="save only the state_dict"):
        import_authors(tmp_path / "whole.pth")


def test_damaged_files_are_named(tmp_path: Path) -> None:
    torch.save(drawn("x4", 4), tmp_path / "whole.pth")
    content = (tmp_path / "whole.pth").read_bytes()
    for name, broken in (("cut", content[: len(content) // 2]), ("empty", b""), ("text", b"hello, world")):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(CheckpointError, match=name):
            import_authors(tmp_path / name)
    with pytest.raises(CheckpointError, match="cannot be read"):
        import_authors(tmp_path / "absent.pth")


def edited(state: dict[str, Tensor], **changes: Tensor | None) -> dict[str, Tensor]:
    merged = {**state, **{key.replace("__", "."): value for key, value in changes.items()}}
    return {key: value for key, value in merged.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"up1__0__0__bias": None}, "1 tensors are missing"),
        ({"up1__0__0__bias": torch.zeros(5)}, "other shapes.*expected"),
        ({"stranger__weight": torch.zeros(5)}, "no place for the tensor stranger.weight"),
        ({"up1__0__weight": torch.zeros(5)}, "both belong"),
        ({"head__0__weight": torch.full((8, 3, 3, 3), float("nan"))}, "NaN"),
        ({"head__0__bias": torch.zeros(8, dtype=torch.int64)}, "not floating point"),
        ({"head__0__weight": None}, "head.0.weight is missing"),
        ({"head__0__weight": torch.zeros(6, 3, 3, 3)}, "width = 6"),
        ({"refine2__0__refine16__weight": torch.zeros(1)}, "x16"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Tensor | None], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        from_authors_state(edited(drawn("x8"), **changes), "x8.pth")


@pytest.mark.parametrize("content", [{}, [1, 2], {"a": 1}, {"epoch": torch.zeros(1)}, {1: torch.zeros(1)}])
def test_other_contents(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth"):
        import_authors(tmp_path / "other.pth")


def test_the_authors_network_has_no_switches_and_no_x16() -> None:
    with pytest.raises(ConfigurationError, match="no such switch"):
        AuthorsFishFSRNetConfig(channel_attention=False)
    with pytest.raises(ConfigurationError, match="scale = 16"):
        AuthorsFishFSRNetConfig(scale=16)
