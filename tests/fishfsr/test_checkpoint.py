"""Checkpoints: what was saved comes back, and each way of being wrong has its own words."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

import fishfsr
from fishfsr.checkpoint import Checkpoint, Details, load_checkpoint, read_metadata, save_checkpoint
from fishfsr.errors import CheckpointError, DeviceError
from fishfsr.models.authors import AuthorsFishFSRNet, AuthorsFishFSRNetConfig
from fishfsr.registry import create_model
from fishfsr.training.state import TrainingState, is_state, read_position

Images = Callable[..., Tensor]
Content = tuple[dict[str, Tensor], dict[str, str]]


def content(path: Path) -> Content:
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata())  # noqa: SIM118


@pytest.fixture
def saved(pair: Checkpoint, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "x4.safetensors", pair)
    return tmp_path / "x4.safetensors"


def test_round_trip(saved: Path, pair: Checkpoint) -> None:
    loaded = load_checkpoint(saved)
    for name in ("parsing_net", "sr_net"):
        before, after = getattr(pair, name), getattr(loaded, name)
        assert type(after) is type(before) and after.config == before.config
        assert all(parameter.requires_grad for parameter in after.parameters())
        for key, tensor in before.state_dict().items():
            assert torch.equal(after.state_dict()[key], tensor)
    assert loaded.details == replace(pair.details, scale=4, versions=loaded.details.versions)
    assert loaded.details.versions["fishfsr"] == fishfsr.__version__
    assert read_metadata(saved).details == loaded.details


def test_half_precision_files_are_read_as_float32(pair: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "half.safetensors", pair, torch.float16)
    loaded = load_checkpoint(tmp_path / "half.safetensors")
    for key, tensor in pair.sr_net.state_dict().items():
        assert loaded.sr_net.state_dict()[key].dtype == torch.float32
        torch.testing.assert_close(loaded.sr_net.state_dict()[key], tensor, rtol=1e-3, atol=1e-6)


def test_the_authors_pair_lives_in_a_file_too(tmp_path: Path, images: Images) -> None:
    sr_net = AuthorsFishFSRNet(AuthorsFishFSRNetConfig(width=4, scale=8)).eval()
    parsing_net = create_model("parsingnet_x8", width=4, map_channels=3)
    save_checkpoint(tmp_path / "authors.safetensors", Checkpoint(parsing_net, sr_net, Details(source="imported")))
    loaded = load_checkpoint(tmp_path / "authors.safetensors")
    assert isinstance(loaded.sr_net, AuthorsFishFSRNet)
    lr, parsing = images(1, 4), images(1, 4)
    with torch.no_grad():
        assert torch.equal(loaded.sr_net.eval()(lr, parsing), sr_net(lr, parsing))


def test_one_network_alone(pair: Checkpoint, tmp_path: Path, images: Images) -> None:
    save_checkpoint(tmp_path / "p.safetensors", Checkpoint(parsing_net=pair.parsing_net))
    save_checkpoint(tmp_path / "s.safetensors", Checkpoint(sr_net=pair.sr_net))
    parser = fishfsr.load(tmp_path / "p.safetensors", device="cpu")
    upscaler = fishfsr.load(tmp_path / "s.safetensors", device="cpu")
    lr = images(2, 8)
    assert upscaler.upscale(lr, parser.parse(lr)).shape == (2, 3, 32, 32)
    for missing in (lambda: parser.upscale(lr), lambda: parser.sr_net, lambda: parser.scale):
        with pytest.raises(CheckpointError, match="no network that enlarges"):
            missing()
    for missing in (lambda: upscaler.parse(lr), lambda: upscaler.parsing_net, lambda: upscaler.upscale(lr)):
        with pytest.raises(CheckpointError, match="no ParsingNet"):
            missing()


def header_entry(headers: dict[str, str], name: str, **changes: object) -> None:
    headers[name] = json.dumps({**json.loads(headers[name]), **changes})


def other_scale(tensors: dict[str, Tensor], headers: dict[str, str]) -> None:
    config = json.loads(headers["sr_net"])["config"]
    header_entry(headers, "sr_net", config={**config, "scale": 8})
    header_entry(headers, "details", scale=8)


def config_option(name: str, value: object) -> Callable[[dict[str, Tensor], dict[str, str]], None]:
    def change(tensors: dict[str, Tensor], headers: dict[str, str]) -> None:
        config = json.loads(headers["sr_net"])["config"]
        header_entry(headers, "sr_net", config={**config, name: value})

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, h: h.clear(), "not a fishfsr checkpoint"),
        (lambda t, h: h.update(format_version="2"), "checkpoint format 2; this version reads 1"),
        (lambda t, h: h.pop("details"), "details in the metadata is missing"),
        (lambda t, h: h.update(details="[1]"), "not an object"),
        (lambda t, h: h.update(sr_net="{"), "not JSON"),
        (lambda t, h: h.update(sr_net="[" * 100_000), "not JSON"),
        (lambda t, h: header_entry(h, "details", scale=8), "says scale 8, but its network is of scale 4"),
        (lambda t, h: header_entry(h, "details", results="good"), "results in the metadata"),
        (lambda t, h: header_entry(h, "sr_net", architecture="unet"), "unknown architecture 'unet'"),
        (lambda t, h: header_entry(h, "sr_net", architecture="parsingnet"), "cannot stand in the place"),
        (lambda t, h: header_entry(h, "sr_net", config=None), "lacks its architecture"),
        (config_option("width", 6), "divisible by 4"),
        (config_option("width", 1024), "other shapes"),
        (config_option("layers", 3), "unknown option 'layers'"),
        (config_option("map_channels", 3), "do not go together"),
        (config_option("multi_scale_refine", False), "have no place in the network"),
        (other_scale, "tensors are missing"),
        (lambda t, h: h.pop("parsing_net"), "says nothing of it"),
        (lambda t, h: t.pop("sr_net.last.bias"), r"1 tensors are missing \(last.bias\)"),
        (lambda t, h: t.update({"sr_net.last.bias": torch.zeros(4)}), r"last.bias is \(4,\), expected \(3,\)"),
        (lambda t, h: t["sr_net.last.bias"].fill_(float("nan")), "NaN or infinite"),
        (lambda t, h: t.update({"sr_net.last.bias": torch.zeros(3, dtype=torch.int32)}), "not floating point"),
        (lambda t, h: t.update({"other": torch.zeros(3)}), "belongs to neither network"),
    ],
)
def test_wrong_files_are_explained(
    change: Callable[[dict[str, Tensor], dict[str, str]], object], message: str, saved: Path
) -> None:
    tensors, headers = content(saved)
    change(tensors, headers)
    save_file(tensors, saved, metadata=headers or None)
    with pytest.raises(CheckpointError, match=message) as raised:
        load_checkpoint(saved)
    assert saved.name in str(raised.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated(share: float, saved: Path) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointError, match="truncated"):
        load_checkpoint(saved)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickles_are_not_opened(how: str, tmp_path: Path) -> None:
    file = tmp_path / "x4.safetensors"
    if how == "torch":
        torch.save({"a": torch.zeros(1)}, file)
    else:
        file.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(CheckpointError, match="fishfsr models import"):
        load_checkpoint(file)


@pytest.mark.parametrize("start", [b"\x80\x02", b"PK"])
def test_a_header_as_long_as_a_pickle_looks(start: bytes, saved: Path) -> None:
    """A safetensors file begins with its header's length: these lengths are a pickle's and a zip's first bytes."""
    whole = saved.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    longer = length + (int.from_bytes(start, "little") - length) % 2**16
    saved.write_bytes(longer.to_bytes(8, "little") + whole[8 : 8 + length].ljust(longer) + whole[8 + length :])
    assert saved.read_bytes().startswith(start)
    assert load_checkpoint(saved).details.scale == 4


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        fishfsr.load(tmp_path / "absent.safetensors")


def test_another_scale_than_asked_for(saved: Path) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of scale 4, not 8"):
        fishfsr.load(saved, device="cpu", scale=8)
    assert fishfsr.load(saved, device="cpu", scale=4).scale == 4


@pytest.mark.parametrize("device", ["gpu", "mps", "cuda:99", "meta"])
def test_devices_that_are_not_there(device: str, saved: Path) -> None:
    with pytest.raises(DeviceError, match=device):
        fishfsr.load(saved, device=device)


def test_what_could_not_be_read_back_is_not_saved(pair: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with torch.no_grad():
        pair.sr_net.last.bias[0] = 1e6
    with pytest.raises(CheckpointError, match="float16"):
        save_checkpoint(path, pair, torch.float16)
    with torch.no_grad():
        pair.sr_net.last.bias[0] = float("inf")
    with pytest.raises(CheckpointError, match="NaN or infinite"):
        save_checkpoint(path, pair)
    with pytest.raises(CheckpointError, match="holds neither"):
        save_checkpoint(path, Checkpoint())
    with pytest.raises(CheckpointError, match="JSON"):
        save_checkpoint(path, Checkpoint(pair.parsing_net, None, Details(results={"psnr": float("nan")})))
    assert list(tmp_path.iterdir()) == []


def test_what_torch_is_refused_is_no_traceback(
    tmp_path: Path, pair: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """safetensors opens a file, torch does so again, and says with an error of its own that it may not."""
    path = tmp_path / "pair.safetensors"
    save_checkpoint(path, pair)

    def refused(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"unable to open file <{path}> in read-only mode: Input/output error (5)")

    monkeypatch.setattr("fishprep.common.tensors.safe_open", refused)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(path)
    for reader in (load_checkpoint, read_metadata, TrainingState.load, read_position):
        with pytest.raises(CheckpointError, match=r"pair\.safetensors.*Input/output"):
            reader(path)
    assert not is_state(path)
