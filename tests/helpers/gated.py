"""Builds with builders that can be met at their work (`gates`)."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gates import GatedFactory

import fishprep
from fishprep.builds import build as building
from fishprep.builds.build import Unfinished
from fishprep.builds.folder import BuildFolder
from fishprep.builds.part import Part
from fishprep.builds.run import Finished
from fishprep.engines.base import Engine
from fishprep.public.planning import prepare

SETTINGS = fishprep.BuildSettings(landmarks="annotation", parser="landmark-skin", device="cpu", workers=2, shard_size=1)


def build(photos: Path, out: Path, **options: Any) -> fishprep.BuildResult:
    """`fishprep.build` with gated builders, which are sent to wherever the work is done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "BuilderFactory", GatedFactory)
        return fishprep.build(photos, out, SETTINGS, **options)


def build_beside_others(
    photos: Path, out: Path, count: int, engine: Callable[[], Engine]
) -> list[Finished | Unfinished]:
    """So many that build the same at the same time, each by an engine of its own."""
    request = prepare(photos, out, SETTINGS, lambda news: None).request(out)

    def one(_: int) -> Finished | Unfinished:
        return building.build_part(request, Part(0, 1), 1, lambda news: None, engine())

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(count) as pool:
        patch.setattr(building, "BuilderFactory", GatedFactory)
        return list(pool.map(one, range(count)))


def contents(out: Path) -> dict[str, bytes]:
    """Bytes of all that a build stored."""
    return {name: (out / name).read_bytes() for name in BuildFolder.at(out).storage.list()}


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]), engine="ray", cluster=fishprep.ClusterSettings(sys.argv[3]))
