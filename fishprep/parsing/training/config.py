"""What a training of the parser depends on."""

from dataclasses import asdict, dataclass, field

from fishprep.common.errors import ConfigurationError
from fishprep.parsing.training.views import ViewSettings


@dataclass(frozen=True)
class ParserTraining:
    """Settings of one training.

    size: side of the network's input, a multiple of 32; the weights say so, and are used at that size.
    map_size: side of the maps that the loss is computed on. Builds need 128² maps.
    steps, batch: views seen are their product.
    lr: AdamW's highest rate, reached after `warmup` steps; a half cosine to zero follows.
    network: `bisenet` or `compact`.
    dice: weight of the Dice loss, a class of a batch being as important as any other however few its pixels are, beside the
        cross-entropy (1 : 1 is the usual share).
    parsed: share of each batch that is drawn from crops that a parser has labelled, where there are any.
    sides: labels that exchange the face's left and right are put right (`sides.put_right`).
    hard: a pixel counts where the network gives its class less than this (OHEM, Shrivastava et al., CVPR 2016), but at
        least a sixteenth of all pixels do.
    rare: faces that have a class which fewer than this share of the faces have are drawn more often (repeat factor
        sampling, Gupta et al., LVIS, CVPR 2019).
    ema: decay of the averaged weights, which are those that are kept.
    """

    network: str = "bisenet"
    size: int = 256
    map_size: int = 128
    steps: int = 10_000
    batch: int = 16
    lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup: int = 200
    hard: float = 0.7
    dice: float = 0.0
    parsed: float = 0.0
    sides: bool = True
    rare: float = 0.2
    ema: float = 0.998
    seed: int = 0
    views: ViewSettings = field(default_factory=ViewSettings)

    def __post_init__(self) -> None:
        if self.size % 32 or not 64 <= self.size <= 1024:
            raise ConfigurationError(f"--size {self.size}: a multiple of 32 from 64 to 1024")
        if self.steps < 1 or self.batch < 2:
            raise ConfigurationError("--steps is at least 1, and --batch at least 2: batch normalisation needs them")
        if not (0 <= self.dice <= 10 and 0 <= self.parsed <= 0.9):
            raise ConfigurationError("--dice is from 0 to 10, --parsed-share from 0 to 0.9")
        if not self.lr > 0:
            raise ConfigurationError(f"--lr {self.lr}: above 0")

    def record(self) -> dict[str, object]:
        """All of it, as JSON."""
        return asdict(self)
