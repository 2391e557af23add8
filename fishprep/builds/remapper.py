"""One stored shard → the same with other maps: what a worker of a remap does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pyarrow as pa

from fishprep.builds.attributes import BuildAttributes
from fishprep.builds.builder import NEWS_EVERY, ShardResult
from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.facemasks import FaceMasks
from fishprep.builds.folder import BuildFolder
from fishprep.builds.networks import WeightsFrom, load_parser, prove_parser
from fishprep.builds.storing import ShardStore
from fishprep.common.errors import BuildError
from fishprep.common.files import sha256_file
from fishprep.common.progress import Progress
from fishprep.faces.times import StageTimes
from fishprep.parsing.base import FaceParser, ParsedFaces, joined_maps
from fishprep.parsing.given import GivenMaps
from fishprep.parsing.skin import skin_pyramid
from fishprep.shards.reader import Shard
from fishprep.shards.schema import HR_SIZE, LR_SIZES, SIZES, ShardName
from fishprep.shards.writer import Samples


@dataclass(frozen=True)
class RemapSpec:
    """A shard of the build before, and what its maps are to be made by. told: the digest of its masks, where maps are given."""

    name: ShardName
    attributes: BuildAttributes
    told: str = ""
    parts: tuple[str, ...] = ()
    """None: a face that ends a worker fails its shard, as nothing may be left out."""

    def trial(self, parts: Sequence[str]) -> Self:
        """See `engines.base.Spec`; there is nothing to try alone."""
        return self

    def without(self, blamed: Mapping[str, str]) -> Self:
        """As it is: nothing is left out."""
        return self


@dataclass(frozen=True)
class RemapperFactory:
    """Makes a `ShardRemapper` in a worker process. origin: the build before; begun: as in `ShardStore`."""

    origin: BuildFolder
    folder: BuildFolder
    configuration: BuildConfiguration
    weights: WeightsFrom
    masks: FaceMasks | None
    begun: str | None = None

    @property
    def max_seconds(self) -> float:
        """Of a step; a remap has none that could be ended."""
        return self.configuration.max_seconds

    def shared(self) -> Self:
        """The same, where several write at the same time."""
        return replace(self, folder=self.folder.shared())

    def __call__(self) -> "ShardRemapper":
        parser = load_parser(self.configuration, self.weights)
        if not set(parser.weights.values()) <= set(self.configuration.weights.values()):
            raise BuildError(f"the weights {', '.join(parser.weights)} are not those that the remap began with")
        prove_parser(parser)
        return ShardRemapper(self, parser)


class ShardRemapper:
    """Writes whole shards, one after another, in one process."""

    def __init__(self, job: RemapperFactory, parser: FaceParser) -> None:
        self._job, self._parser, self._times = job, parser, StageTimes()

    def __call__(self, work: RemapSpec, tell: Callable[[object], None]) -> ShardResult:
        """Write `SPLIT-NNNNN.h5` (unless nothing was kept) and then its rows. OSError where the disk refuses; BuildError and
        ShardError where the shard before is not what its rows say."""
        origin, name = self._job.origin, work.name
        self._times.seconds.clear()
        before, rows = origin.record(name), origin.rows(name)
        store = ShardStore(self._job.folder, self._job.begun)
        if before.file is None:
            return ShardResult(store.store(name, rows, None, {}), {})
        with origin.shard_file(name) as path:
            if before.sha256 is not None and sha256_file(path) != before.sha256:
                raise BuildError(
                    f"{origin.where(name.file)}: its bytes have changed since it was written; look with: fishprep verify {origin}"
                )
            with Shard(path, origin.where(name.file)) as shard:
                with self._times.stage("parse"):
                    parsed = self._parsed(shard, work, tell)
                samples = _samples(shard, parsed, work.attributes.configuration)
                with self._times.stage("write"):
                    record = store.store(name, _with_skin(rows, parsed.skin), samples, work.attributes.texts())
        return ShardResult(record, dict(self._times.seconds))

    def _parsed(self, shard: Shard, work: RemapSpec, tell: Callable[[object], None]) -> ParsedFaces:
        parts: list[ParsedFaces] = []
        if isinstance(self._parser, GivenMaps):
            assert self._job.masks is not None, "given maps lie in a folder"
            parts.append(self._job.masks.parsed(self._parser, shard.ids, work.told))
            tell(Progress(len(shard), len(shard)))
        else:
            for start in range(0, len(shard), NEWS_EVERY):
                some = slice(start, min(start + NEWS_EVERY, len(shard)))
                faces = np.array(shard.images(HR_SIZE)[some])  # torch wants arrays that it could write to
                parts.append(self._parser.parse(faces, np.array(shard["landmarks"][some])))
                tell(Progress(some.stop - some.start, some.stop - some.start))
        return joined_maps(parts)


def _samples(shard: Shard, parsed: ParsedFaces, configuration: BuildConfiguration) -> Samples:
    """What the shard holds, as it lies there, with other maps."""
    return Samples(
        images={size: shard.images(size) for size in SIZES},
        skin={HR_SIZE: parsed.skin, **skin_pyramid(parsed.skin, LR_SIZES, configuration.mask_resizer)},
        classes=parsed.classes if configuration.keep_classes else None,
        landmarks=shard["landmarks"],
        boxes=shard["box"],
        ids=shard.ids,
        split=shard.attributes.split,
        angles=shard.arrays().get("angle"),
    )


def _with_skin(rows: pa.Table, skin: np.ndarray) -> pa.Table:
    """Rows with the share of skin of their faces, the one column that comes of maps (`faces.measures`)."""
    shares = [None if index is None else float(skin[index].mean()) for index in rows["index"].to_pylist()]
    at = rows.schema.get_field_index("skin")
    return rows.set_column(at, rows.schema.field(at), pa.array(shares, pa.float32()))
