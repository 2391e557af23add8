"""The networks that are guided by a parsing map: the paper's, and this project's small one."""

from fishfsr.methods.base import Method, Said
from fishfsr.models.config import FishFSRNetConfig, TaperNetConfig
from fishfsr.models.fishfsrnet import FishFSRNet
from fishfsr.models.tapernet import TaperNet

FISHFSRNET = Method(
    name="fishfsrnet",
    title="FishFSRNet",
    paper="Wang et al., Super-Resolving Face Image by Facial Parsing Information, 2023",
    reads=("lr", "map"),
    supervised_by=("hr",),
    config=FishFSRNetConfig,
    network=FishFSRNet,
    published={"loss": "l1", "lr": 1e-4, "betas": (0.9, 0.99), "batch_size": 8},
    said=(
        Said("published", "L1, Adam at 1e-4, betas 0.9 and 0.99, batches of 8, width 64", "the paper, section IV-B"),
        Said("guessed", "the number of steps", "the paper does not say"),
    ),
    scales=(4, 8, 16),
    rival=False,
)
TAPERNET = Method(
    name="tapernet",
    title="TaperNet",
    paper="this project; not in the paper",
    reads=("lr", "map"),
    supervised_by=("hr",),
    config=TaperNetConfig,
    network=TaperNet,
    published={"loss": "l1", "lr": 2e-3, "batch_size": 8},
    scales=(2, 4, 8, 16),
    rival=False,
)
