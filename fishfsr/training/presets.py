"""Trainings by name, as what they change of the defaults (`config.py`), which are the paper's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

PAPER: Mapping[str, Any] = MappingProxyType({})
"""Adam, betas 0.9 and 0.99, eps 1e-8, rate 1e-4, batch 8, width 64, L1. It does not say how many steps: those are ours."""

LAPTOP: Mapping[str, Any] = MappingProxyType(
    {
        "precision": "auto",
        "log_every": 20,
        "save_every": 200,
        "parsing": MappingProxyType(
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
        ),
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
        "validation": MappingProxyType({"every": 500, "faces": 100}),
    }
)
"""A small pair in some 25 minutes of two CPU cores: docs/training.md has the figures."""

TAPER: Mapping[str, Any] = MappingProxyType(
    {
        **LAPTOP,
        "sr": MappingProxyType(
            {
                "architecture": "tapernet",
                "width": 128,
                "initial": "unit-variance",
                "steps": 1600,
                "batch_size": 8,
                "lr": 2e-3,
                "warmup": 100,
                "schedule": "cosine",
                "final_lr": 0.01,
                "clip": 1.0,
                "ema": 0.995,
            }
        ),
    }
)
"""TaperNet, which learns more in the same time than FishFSRNet narrowed for a CPU: docs/training.md has the figures."""

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType({"paper": PAPER, "laptop": LAPTOP, "taper": TAPER})
