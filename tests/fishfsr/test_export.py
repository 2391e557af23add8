"""The ONNX graph computes what the pair computes, for any batch; a graph that does not is not written."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from support import run
from torch import Tensor, nn

from fishfsr import export
from fishfsr.checkpoint import Checkpoint, Details, save_checkpoint
from fishfsr.errors import CheckpointError, ExportError, MissingExtraError
from fishfsr.export import export_onnx, export_state_dict, export_torchscript
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.methods.every import METHODS
from fishfsr.models import fishfsrnet
from fishfsr.registry import create_model

Images = Callable[..., Tensor]


SIZE = 5
RIVALS = [name for name, method in METHODS.items() if method.rival]
DETAILS = Details(recipe="ab" * 32, licence="mine", training={"shards": {"crop": "square", "expand": None}})


@pytest.fixture
def resolver(lively: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch) -> FaceSuperResolver:
    """All that a pair is made of, one block a stage."""
    monkeypatch.setattr(fishfsrnet, "PAFBS_PER_STAGE", 1)
    parsing_net = lively(create_model("parsingnet_x2", width=4, blocks=1))
    return FaceSuperResolver(
        Checkpoint(parsing_net, lively(create_model("fishfsrnet_x2", width=4, global_residual=True)), DETAILS)
    )


def test_the_graph_is_the_pair_for_any_batch(
    resolver: FaceSuperResolver, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    path = tmp_path / "pair.onnx"
    assert max(export_onnx(resolver, path, SIZE)) <= 1e-4
    assert list(tmp_path.iterdir()) == [path]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["sr", "map"]
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["scale"], facts["lr_size"], facts["recipe"], facts["licence"]) == ("2", "5", "ab" * 32, "mine")
    assert json.loads(facts["crop"])["crop"] == "square"
    assert json.loads(facts["networks"])["sr_net"]["architecture"] == "fishfsrnet"
    assert [(each.domain, each.version) for each in importlib.import_module("onnx").load(path).opset_import] == [
        ("", 18)
    ]
    for batch in (1, 2, 5):
        lr = images(batch, SIZE)
        sr, parsing = session.run(None, {"lr": lr.numpy()})
        np.testing.assert_allclose(sr, resolver.upscale(lr), atol=1e-4)
        np.testing.assert_allclose(parsing, resolver.parse(lr), atol=1e-4)
        assert parsing.min() >= 0 and parsing.max() <= 1

    # The graph of these weights in the place of other weights' graph: found out, and not written.
    with torch.no_grad():
        resolver.sr_net.last.bias += 2e-4
    whole = path.read_bytes()
    monkeypatch.setattr(export, "_write", lambda pair, temporary, size: temporary.write_bytes(whole))
    with pytest.raises(ExportError, match="differs from PyTorch"):
        export_onnx(resolver, tmp_path / "other.onnx", SIZE)
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[export\]'"):
        export.check_extra()


def test_a_pair_needs_both_networks(tmp_path: Path) -> None:
    alone = FaceSuperResolver(Checkpoint(sr_net=create_model("fishfsrnet_x2", width=4)))
    with pytest.raises(CheckpointError, match="no ParsingNet"):
        export_onnx(alone, tmp_path / "pair.onnx")


def narrow(name: str, lively: Callable[..., nn.Module]) -> FaceSuperResolver:
    """A method's network by itself, at x16."""
    small = {"sisn": {"groups": 1, "blocks": 1}, "dic": {"turns": 2}, "vdsr": {"layers": 3}}
    network = lively(create_model(f"{name}_x16", width=8, **small.get(name, {})))
    return FaceSuperResolver(Checkpoint(sr_net=network, details=DETAILS))


@pytest.mark.parametrize("name", ["srcnn", "superfan"])
def test_a_method_without_a_map_is_a_graph_of_the_lr_face_alone(
    name: str, lively: Callable[..., nn.Module], images: Images, tmp_path: Path, shallow: None
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    resolver, path = narrow(name, lively), tmp_path / "method.onnx"
    parity = export_onnx(resolver, path)
    assert parity.sr <= 1e-4 and parity.map is None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["lr"]
    assert [each.name for each in session.get_outputs()] == ["sr"]
    assert "map" not in session.get_modelmeta().custom_metadata_map["values"]
    lr = images(2, 8)
    np.testing.assert_allclose(session.run(None, {"lr": lr.numpy()})[0], resolver.upscale(lr), atol=1e-4)


@pytest.mark.parametrize("name", RIVALS)
def test_torchscript_of_every_method_without_a_map(
    name: str, lively: Callable[..., nn.Module], images: Images, tmp_path: Path, shallow: None
) -> None:
    """What ONNX takes many times as long for; it goes through the same graph."""
    resolver = narrow(name, lively)
    assert export_torchscript(resolver, tmp_path / "method.pt").map is None
    lr = images(2, 8)
    (sr,) = torch.jit.load(str(tmp_path / "method.pt"))(lr)
    torch.testing.assert_close(sr, resolver.upscale(lr), atol=1e-4, rtol=0)


def test_torchscript_is_the_pair_for_any_batch(resolver: FaceSuperResolver, images: Images, tmp_path: Path) -> None:
    path = tmp_path / "pair.pt"
    assert max(export_torchscript(resolver, path, SIZE)) <= 1e-4
    told = {export.FACTS: ""}
    read = torch.jit.load(str(path), _extra_files=told)
    assert json.loads(told[export.FACTS])["recipe"] == "ab" * 32
    for batch in (1, 4):
        lr = images(batch, SIZE)
        sr, parsing = read(lr)
        torch.testing.assert_close(sr, resolver.upscale(lr), atol=1e-4, rtol=0)
        torch.testing.assert_close(parsing, resolver.parse(lr), atol=1e-4, rtol=0)


def test_the_weights_alone(resolver: FaceSuperResolver, images: Images, tmp_path: Path) -> None:
    export_state_dict(resolver, tmp_path / "pair.pth")
    read = torch.load(tmp_path / "pair.pth", weights_only=True)
    assert read.keys() == {"parsing_net", "sr_net", "facts"} and read["facts"]["licence"] == "mine"
    again = create_model("fishfsrnet_x2", width=4, global_residual=True)
    again.load_state_dict(read["sr_net"])
    lr, parsing = images(1, SIZE), torch.rand(1, 1, SIZE, SIZE)
    with torch.no_grad():
        assert torch.equal(again.eval()(lr, parsing), resolver.sr_net.eval()(lr, parsing))


def test_the_command_takes_a_format(resolver: FaceSuperResolver, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", Checkpoint(resolver.parsing_net, resolver.sr_net, DETAILS))
    words = (tmp_path / "a.safetensors", tmp_path / "a.pth", "--to", "state-dict")
    assert json.loads(run("fishfsr", "export", *words, "--json").out) == {"written": str(tmp_path / "a.pth")}
    assert "replace it with --overwrite" in run("fishfsr", "export", *words, code=1).err
    ran = run("fishfsr", "export", words[0], tmp_path / "a.pt", "--to", "torchscript", "--lr-size", 5)
    assert "TorchScript against PyTorch" in ran.out
