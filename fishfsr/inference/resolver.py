"""The trained pair, ready for use."""

from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from fishfsr.checkpoint import Checkpoint, Details, load_checkpoint
from fishfsr.errors import CheckpointError
from fishfsr.inference.consistency import consistent
from fishfsr.inference.find import find_checkpoint
from fishfsr.inference.kinds import Given, alike
from fishfsr.inference.runner import InferenceOptions, Runner
from fishfsr.models.checks import check_image, check_map
from fishfsr.models.parsingnet import ParsingNet
from fishfsr.models.sr_net import SrNet
from fishprep.common.device import resolve_device

N = TypeVar("N", bound=nn.Module)

NO_PARSING_NET = "this checkpoint holds no ParsingNet: pass the parsing map, or load a file with both networks"
NO_SR_NET = "this checkpoint holds ParsingNet alone, no network that enlarges: it cannot enlarge faces"


class FaceSuperResolver:
    """ParsingNet and the network that enlarges, of one checkpoint: LR faces in, maps and enlarged faces out.

    `parsing_net` and `sr_net` are the networks themselves (float32, on `device`). What `parse` and `upscale`
    run is a copy prepared by `options`: after changing the networks' weights call `prepare` again.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "auto", options: InferenceOptions | None = None) -> None:
        self.device = resolve_device(device)
        self.details: Details = checkpoint.details
        self._parsing_net = _placed(checkpoint.parsing_net, self.device)
        self._sr_net = _placed(checkpoint.sr_net, self.device)
        self.prepare(options or InferenceOptions())

    def prepare(self, options: InferenceOptions) -> None:
        """Make `parse` and `upscale` run the networks as they are now, by `options`.

        Raises DeviceError where the device cannot.
        """
        self.options = options
        self._parse = self._runner(self._parsing_net)
        self._upscale = self._runner(self._sr_net)

    def _runner(self, network: nn.Module | None) -> Runner | None:
        return None if network is None else Runner(network, self.device, self.options)

    @property
    def parsing_net(self) -> ParsingNet:
        """Raises CheckpointError when the checkpoint has none."""
        if self._parsing_net is None:
            raise CheckpointError(NO_PARSING_NET)
        return self._parsing_net

    @property
    def sr_net(self) -> SrNet:
        """Raises CheckpointError when the checkpoint has none."""
        if self._sr_net is None:
            raise CheckpointError(NO_SR_NET)
        return self._sr_net

    @property
    def scale(self) -> int:
        """HR over LR size."""
        return self.sr_net.config.scale

    def parse(self, lr: Tensor) -> Tensor:
        """LR faces (N, 3, h, w), RGB in [0, 1], to maps (N, map_channels, h, w), float32 in [0, 1].

        Raises InputError on another shape or type, CheckpointError where there is no ParsingNet.
        """
        check_image(lr, "the LR image")
        if self._parse is None:
            raise CheckpointError(NO_PARSING_NET)
        return self._parse(lr).clamp(0, 1)

    def upscale(self, picture: Given, parsing: Tensor | None = None) -> Given:
        """An LR face, or a batch of them, enlarged by `scale`; what comes back is of the kind that was given:

        a Pillow image of mode RGB, or an (h, w, 3) uint8 array: clamped and rounded to 256 levels, as `fishfsr upscale` does;
        a float tensor (3, h, w) or (N, 3, h, w) in [0, 1]: float32, not clamped, on the tensor's device. Gradients go through to
        a tensor that requires them.

        `parsing` (N, map_channels, h, w) in [0, 1] takes the place of the estimated map. Raises InputError for another kind,
        shape or range, CheckpointError where a network is missing.
        """
        return alike(picture, lambda lr: self._enlarged(lr, parsing))

    def _enlarged(self, lr: Tensor, parsing: Tensor | None) -> Tensor:
        check_image(lr, "the LR image")
        given = (lr, *self._maps(lr, parsing))
        sr = self._ran(*given)
        if self.options.mirrored:
            sr = (sr + self._ran(*(each.flip(3) for each in given)).flip(3)) / 2
        return consistent(sr, lr.to(sr)) if self.options.consistent else sr

    def _maps(self, lr: Tensor, parsing: Tensor | None) -> tuple[Tensor, ...]:
        """What the network takes beside the LR faces: the map given, or else estimated; nothing where it reads none."""
        config = self.sr_net.config
        if not config.needs_map:
            return ()
        if parsing is None:
            parsing = self.parse(lr)
        check_map(parsing, lr, config.map_channels)
        return (parsing,)

    def _ran(self, *given: Tensor) -> Tensor:
        if self._upscale is None:
            raise CheckpointError(NO_SR_NET)
        return self._upscale(*given, enlargement=self.scale)

    def __str__(self) -> str:
        return f"{self.device}, {self.options}"


def load(
    model: str | Path,
    device: str = "auto",
    scale: int | None = None,
    options: InferenceOptions | None = None,
) -> FaceSuperResolver:
    """A trained pair on `device`: auto, cpu, cuda or cuda:n.

    `model`: "x8" and the like for a shipped pair (`fishfsr.shipped_models()`), the folder of a training run, or a checkpoint
    file. `str()` of the result says what runs where. With `scale` a checkpoint of another scale is refused. Raises
    CheckpointError that says what does not fit, DeviceError, ConfigurationError for a name that there is not, WeightsError for
    a pair that is not installed.
    """
    path = find_checkpoint(model)
    checkpoint = load_checkpoint(path)
    if scale is not None and checkpoint.details.scale != scale:
        raise CheckpointError(f"{path}: a checkpoint of scale {checkpoint.details.scale}, not {scale}")
    return FaceSuperResolver(checkpoint, device, options)


def _placed(network: N | None, device: torch.device) -> N | None:
    return None if network is None else network.to(device).eval()
