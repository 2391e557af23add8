"""A compact network in eight bits: the same to the bit by onnxruntime and by PyTorch, near what it is in floats, and what is refused."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from compact import SMALL, smooth_images, with_ranges
from safetensors.torch import save_file

from fishprep.common.errors import ConfigurationError, MissingLibraryError, WeightsError
from fishprep.common.tensors import metadata
from fishprep.parsing.base import Precision
from fishprep.parsing.network_parser import NetworkParser, NetworkSettings
from fishprep.parsing.networks.compact import Compact, CompactShape
from fishprep.parsing.networks.eight_bits import Convolution, Eight, measured_ranges, ranges_text, read_ranges
from fishprep.parsing.networks.eight_bits_graph import graph_in_eight_bits
from fishprep.parsing.networks.kinds import header_of, load_network
from fishprep.parsing.networks.runs import EightOnRuntime, EightOnTorch, laid_out, own_precision, run_of

LANDMARKS = np.zeros((0, 68, 2), np.float32)
SHAPES = [replace(SMALL, fine=fine) for fine in (True, False)]


@pytest.fixture(params=SHAPES, ids=["fine", "coarse"])
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return with_ranges(tmp_path / "compact.safetensors", request.param)


def test_onnxruntime_and_pytorch_give_the_same_bits(weights: Path) -> None:
    here = torch.device("cpu")
    network = load_network(weights)
    assert isinstance(network, Compact)
    runtime = run_of(weights, Precision.INT8, here)
    eights = read_ranges(metadata(weights)["ranges"], network)
    by_hand = EightOnTorch(network, eights, here)
    assert isinstance(runtime, EightOnRuntime)
    with torch.inference_mode():
        for seed in (1, 2):
            images = 1.5 * smooth_images(3, seed)  # some of it beyond what was measured
            assert torch.equal(runtime(images), by_hand(images))


def test_and_so_they_do_for_the_usual_network_and_noise(tmp_path: Path) -> None:
    """onnxruntime rounds otherwise where it fuses a sum with its rounding: seldom enough for a small network not to show it."""
    weights = with_ranges(tmp_path / "usual.safetensors", CompactShape())
    network = load_network(weights)
    assert isinstance(network, Compact)
    runtime = run_of(weights, Precision.INT8, torch.device("cpu"))
    by_hand = EightOnTorch(network, read_ranges(metadata(weights)["ranges"], network), torch.device("cpu"))
    with torch.inference_mode():
        for seed in range(3):
            images = smooth_images(1, seed) + 0.3 * torch.randn(
                1, 3, 64, 64, generator=torch.Generator().manual_seed(seed)
            )
            assert torch.equal(runtime(images), by_hand(images))


def test_it_is_near_what_it_is_in_floats(weights: Path) -> None:
    images = smooth_images(8, 9)
    network = load_network(weights)
    assert isinstance(network, Compact)
    head = read_ranges(metadata(weights)["ranges"], network)["head"]
    with torch.inference_mode():
        numbers, floats = (
            run_of(weights, each, torch.device("cpu"))(images) for each in (Precision.INT8, Precision.FLOAT32)
        )
    assert numbers.shape == floats.shape and numbers.dtype == torch.uint8
    rounded = (numbers.float() - head.zero) * head.scale
    apart = (rounded - floats).abs()
    assert 0 < apart.mean() < 0.04 * floats.std()
    assert float((rounded.argmax(1) == floats.argmax(1)).float().mean()) > 0.95


def test_what_it_says_of_a_face_depends_on_that_face_alone(weights: Path) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (5, 128, 128, 3), dtype=np.uint8)
    together = NetworkParser(NetworkSettings(), weights).parse(crops, LANDMARKS).classes
    alone = NetworkParser(NetworkSettings(batch=1), weights)
    assert together is not None and len(np.unique(together)) > 1
    for crop, classes in zip(crops, together, strict=True):
        [found] = alone.parse(crop[None], LANDMARKS).classes  # type: ignore[misc]
        np.testing.assert_array_equal(found, classes)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same_map(weights: Path) -> None:
    crops = np.random.default_rng(1).integers(0, 256, (5, 128, 128, 3), dtype=np.uint8)
    here, there = (
        NetworkParser(NetworkSettings(device=device), weights).parse(crops, LANDMARKS) for device in ("cpu", "cuda")
    )
    assert here.classes is not None and there.classes is not None
    assert float((here.classes == there.classes).mean()) > 0.999


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs the system's list of threads")
def test_it_has_the_threads_that_torch_has_when_it_runs_and_no_more(weights: Path) -> None:
    """A worker of a build loads its networks first, and says then how many threads it may have."""
    torch.set_num_threads(4)
    torch.randn(2000, 2000).abs().sum()  # torch's own have begun
    before = _threads()
    run = run_of(weights, Precision.INT8, torch.device("cpu"))
    torch.set_num_threads(1)
    run(smooth_images(1, 1))
    assert _threads() == before


def _threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def test_threads_change_nothing(weights: Path) -> None:
    images, made = smooth_images(2, 1), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        made.append(run_of(weights, Precision.INT8, torch.device("cpu"))(images))
    torch.set_num_threads(1)
    assert torch.equal(*made)


def test_weights_with_ranges_are_run_in_eight_bits_unless_told_otherwise(weights: Path, tmp_path: Path) -> None:
    assert own_precision(weights) is Precision.INT8
    assert NetworkParser(NetworkSettings(), weights).settings["precision"] == "int8"
    assert NetworkParser(NetworkSettings(precision=Precision.FLOAT32), weights).settings["precision"] == "float32"


def test_weights_without_ranges_are_not_and_say_so(tmp_path: Path) -> None:
    net = Compact(SHAPES[0])
    save_file(net.state_dict(), tmp_path / "bare.safetensors", {"input": "64x64 RGB", **header_of(net)})
    assert NetworkParser(NetworkSettings(), tmp_path / "bare.safetensors").settings["precision"] == "float32"
    with pytest.raises(ConfigurationError, match=r"int8 needs weights that say .*bare.safetensors does not"):
        NetworkParser(NetworkSettings(precision=Precision.INT8), tmp_path / "bare.safetensors")


def test_ranges_of_another_network_ask_for_nothing(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors", {"ranges": "{}"})
    assert own_precision(tmp_path / "other.safetensors") is Precision.FLOAT32


def test_without_onnxruntime_nothing_takes_its_place(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingLibraryError, match=r"onnxruntime.* cannot be loaded .*--parser-precision float32"):
        NetworkParser(NetworkSettings(), weights)
    NetworkParser(NetworkSettings(precision=Precision.FLOAT32), weights)  # which needs none


def test_variances_below_nothing_are_refused(tmp_path: Path) -> None:
    net = Compact(SHAPES[0])
    net.stem.bn.running_var.fill_(-1.0)  # type: ignore[union-attr, operator]
    save_file(net.state_dict(), tmp_path / "below.safetensors", header_of(net))
    with pytest.raises(WeightsError, match=r"below.safetensors: stem.conv.weight holds numbers that are not finite"):
        load_network(tmp_path / "below.safetensors")


def _changed(ranges: dict[str, object], **values: object) -> str:
    return json.dumps(ranges | values)


@pytest.mark.parametrize(
    "told",
    [
        "nonsense",
        "[]",
        "[" * 100_000,
        "{}",
        '{"stem": [0, 1]}',
        lambda ranges: _changed(ranges, more=[0, 1]),
        lambda ranges: _changed(ranges, stem=[0, 1, 2]),
        lambda ranges: _changed(ranges, stem=7),
        lambda ranges: _changed(ranges, stem=["a", "b"]),
        lambda ranges: _changed(ranges, stem=[2, 1]),
        lambda ranges: _changed(ranges, stem=[-1, 1]),  # which comes of a ReLU
        lambda ranges: _changed(ranges, stem=[0, 10**400]),
        lambda ranges: _changed(ranges, stem=[0, float("nan")]),
        lambda ranges: _changed(ranges, stem=[0, 1e300]),
        lambda ranges: _changed(ranges, stem=[-1e300, 1e300]),
    ],
)
def test_ranges_that_are_none_are_refused(tmp_path: Path, told: object) -> None:
    good = with_ranges(tmp_path / "good.safetensors", SHAPES[0])
    text = told(json.loads(metadata(good)["ranges"])) if callable(told) else told
    bad = with_ranges(tmp_path / "bad.safetensors", SHAPES[0], ranges=text)
    with pytest.raises(WeightsError, match=r"bad.safetensors: the ranges in the header are none"):
        NetworkParser(NetworkSettings(), bad)


@pytest.mark.parametrize(("low", "high"), [(0.0, 3.0), (-1.0, 1.0), (-2.0, 0.1), (0.5, 4.0), (-4.0, -1.0), (0.0, 0.0)])
def test_nothing_is_nothing_in_eight_bits_and_the_ends_are_there(low: float, high: float) -> None:
    """0 has a number of its own, since what lies around a picture is that."""
    eight = Eight.of(low, high)
    assert 0 <= eight.zero <= 255
    ends = [(number - eight.zero) * eight.scale for number in (0, 255)]
    assert ends[0] <= low + eight.scale / 2 and high - eight.scale / 2 <= ends[1]


def test_four_logits_of_a_place_are_laid_out_as_pixels() -> None:
    four = torch.arange(2 * 76 * 3 * 5, dtype=torch.int32).view(2, 76, 3, 5)
    assert torch.equal(laid_out(four), torch.nn.functional.pixel_shuffle(four, 2))
    assert torch.equal(laid_out(four[:, :19]), four[:, :19])


def test_weights_have_seven_bits() -> None:
    """Of eight, two products with a number of eight bits overflow where a CPU adds them in sixteen."""
    layer = Convolution.of(torch.nn.Conv2d(3, 5, 3), relu=False)
    assert float(layer.rounded().abs().max()) == 63
    assert torch.allclose(
        layer.rounded() * layer.scales().view(-1, 1, 1, 1), layer.weight, atol=float(layer.scales().max()) / 2
    )


def test_the_library_of_onnx_finds_nothing_wrong_with_the_graph(weights: Path) -> None:
    network = load_network(weights)
    assert isinstance(network, Compact)
    eights = read_ranges(ranges_text(measured_ranges(network, smooth_images(2, 1))), network)
    onnx.checker.check_model(onnx.load_from_string(graph_in_eight_bits(network, eights)), full_check=True)
