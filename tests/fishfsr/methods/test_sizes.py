"""Every method at its published width: parameters and multiply-accumulates against figures worked out independently."""

import pytest
import torch

from fishfsr.methods.alignment import AlignmentNet
from fishfsr.methods.every import METHODS
from fishfsr.methods.srcnn import SRCNN, SRCNNConfig
from fishfsr.methods.urdgn import Discriminator
from fishfsr.models.count import count_macs_of_skeleton, count_parameters, skeletons
from fishfsr.models.sizes import SIZES
from fishfsr.registry import MODELS, model_size, network_size

PARAMETERS = {
    "srcnn_x8": 69e3, "vdsr_x8": 667e3, "urdgn_x8": 1.05e6, "wsrnet_x4": 51.4e6, "wsrnet_x8": 75.0e6, "wsrnet_x16": 226.2e6,
    "superfan_x4": 1.45e6, "superfan_x8": 1.66e6, "superfan_x16": 1.87e6, "fsrnet_x8": 3.27e6, "dic_x8": 21.8e6,
    "sisn_x4": 8.07e6, "sisn_x8": 8.30e6, "sisn_x16": 8.78e6,
}  # fmt: skip
GMAC = {
    "srcnn_x8": 1.13, "vdsr_x4": 10.9, "urdgn_x8": 14.6, "wsrnet_x4": 52.6, "wsrnet_x8": 19.2, "wsrnet_x16": 14.5,
    "superfan_x4": 5.21, "superfan_x8": 4.46, "superfan_x16": 4.27, "fsrnet_x8": 15.3, "dic_x8": 45.3, "sisn_x4": 6.30,
    "sisn_x8": 2.22, "sisn_x16": 1.20,
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    assert model_size(MODELS[name]).parameters == pytest.approx(PARAMETERS[name], rel=5e-3)


@pytest.mark.parametrize("name", GMAC)
def test_multiply_accumulates(name: str) -> None:
    assert model_size(MODELS[name]).macs / 1e9 == pytest.approx(GMAC[name], rel=5e-3)


def test_what_is_kept_is_what_is_counted() -> None:
    counted = {
        name: network_size(each.architecture, each.config(), each.input_size[0]) for name, each in MODELS.items()
    }
    assert dict(SIZES) == counted


def test_exact_counts() -> None:
    """Layer by layer: 9-5-5 and 9-1-5 in RGB; twenty layers without bias; the parts that are needed in training alone."""
    with torch.device("meta"):
        small = SRCNN(SRCNNConfig(middle=1))
        discriminator, aligner = Discriminator(64), AlignmentNet()
    assert model_size(MODELS["srcnn_x8"]).parameters == 64 * 243 + 64 + 32 * 1600 + 32 + 3 * 800 + 3 == 69_251
    assert count_parameters(small) == 20_099
    assert model_size(MODELS["vdsr_x8"]).parameters == 9 * (3 * 64 + 18 * 64 * 64 + 64 * 3)
    assert count_parameters(discriminator) == pytest.approx(6.86e6, rel=1e-3)
    assert count_parameters(aligner) == pytest.approx(12.0e6, rel=1e-3)


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.rival])
def test_shapes_and_narrowing(name: str, scale: int) -> None:
    """Any scale, any width: an LR face of the paper's, and for those that take any size a wide one."""
    method, shapes = METHODS[name], []
    with skeletons():
        network = method.network(method.config(scale=scale, width=8))
        wider = method.network(method.config(scale=scale, width=16))
    network.register_forward_hook(lambda *given: shapes.append(given[-1].shape))
    assert 0 < count_parameters(network) < count_parameters(wider)
    assert count_macs_of_skeleton(network, (2, 3, 128 // scale, 128 // scale)) > 0
    assert shapes == [(2, 3, 128, 128)]
