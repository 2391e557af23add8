"""The ONNX graph computes what the pair computes, for any batch; a graph that does not is not written."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fishfsr import export
from fishfsr.checkpoint import Checkpoint
from fishfsr.errors import CheckpointError, ExportError, MissingExtraError
from fishfsr.export import export_onnx
from fishfsr.inference.resolver import FaceSuperResolver
from fishfsr.registry import create_model

Images = Callable[..., Tensor]


SIZE = 5


@pytest.fixture
def resolver(lively: Callable[..., nn.Module]) -> FaceSuperResolver:
    parsing_net = lively(create_model("parsingnet_x2", width=4, blocks=1))
    return FaceSuperResolver(
        Checkpoint(parsing_net, lively(create_model("fishfsrnet_x2", width=4, global_residual=True)))
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
