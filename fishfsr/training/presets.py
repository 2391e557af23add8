"""Trainings by name, as what they change of the defaults (`config.py`), which are the paper's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from fishfsr.methods.every import METHODS

PAPER: Mapping[str, Any] = MappingProxyType({})
"""Adam, betas 0.9 and 0.99, eps 1e-8, rate 1e-4, batch 8, width 64, L1. It does not say how many steps: those are ours."""

SMALL_PARSING: Mapping[str, Any] = MappingProxyType(
    {
        "width": 32,
        "initial": "unit-variance",
        "loss": "mse",
        "steps": 6000,
        "batch_size": 16,
        "lr": 4e-3,
        "warmup": 100,
        "schedule": "cosine",
        "clip": 1.0,
        "ema": 0.99,
    }
)

LAPTOP: Mapping[str, Any] = MappingProxyType(
    {
        "precision": "auto",
        "log_every": 20,
        "save_every": 200,
        "parsing": MappingProxyType({**SMALL_PARSING, "steps": 3000}),
        "sr": MappingProxyType(
            {
                "architecture": "tapernet",
                "width": 128,
                "initial": "unit-variance",
                "steps": 2000,
                "batch_size": 8,
                "lr": 2e-3,
                "warmup": 100,
                "schedule": "cosine",
                "final_lr": 0.01,
                "clip": 1.0,
                "ema": 0.995,
            }
        ),
        "validation": MappingProxyType({"every": 500, "faces": 100}),
    }
)
"""A small pair, TaperNet, in minutes of one CPU core: docs/training.md has the figures."""

LAPTOP_FISHFSRNET: Mapping[str, Any] = MappingProxyType(
    {
        **LAPTOP,
        "parsing": SMALL_PARSING,
        "sr": MappingProxyType(
            {
                "width": 16,
                "initial": "unit-variance",
                "steps": 2200,
                "batch_size": 4,
                "lr": 2e-3,
                "warmup": 250,
                "schedule": "cosine",
                "final_lr": 0.01,
                "clip": 1.0,
                "ema": 0.995,
                "global_residual": True,
            }
        ),
    }
)
"""The paper's network, narrowed until it can be trained in half an hour of two CPU cores: TaperNet learns more in less."""

TAPER: Mapping[str, Any] = MappingProxyType(
    {**LAPTOP, "parsing": SMALL_PARSING, "sr": MappingProxyType({**LAPTOP["sr"], "steps": 1600})}
)
"""What `laptop` became, under its earlier name: runs of it can go on."""

GPU: Mapping[str, Any] = MappingProxyType(
    {
        "precision": "bfloat16",
        "compile": True,
        "log_every": 100,
        "parsing": MappingProxyType({**SMALL_PARSING, "width": 64, "steps": 20000, "batch_size": 64}),
        "sr": MappingProxyType(
            {
                "width": 64,
                "initial": "unit-variance",
                "steps": 60000,
                "batch_size": 64,
                "finish": "log-mse",
                "finish_share": 0.33,
                "lr": 1e-3,
                "warmup": 500,
                "schedule": "cosine",
                "final_lr": 0.01,
                "clip": 1.0,
                "ema": 0.999,
                "global_residual": True,
            }
        ),
        "validation": MappingProxyType({"every": 2000, "faces": 500}),
    }
)
"""The paper's network at its width, as one large GPU would train it. It has not run on a GPU."""

PUBLISHED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        name: MappingProxyType({"sr": MappingProxyType({"architecture": name, **method.published})})
        for name, method in METHODS.items()
        if method.rival
    }
)
"""The methods beside the paper's by their own settings, as far as this training knows them."""

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "paper": PAPER,
        "laptop": LAPTOP,
        "gpu": GPU,
        "laptop-fishfsrnet": LAPTOP_FISHFSRNET,
        "taper": TAPER,
        **PUBLISHED,
    }
)
