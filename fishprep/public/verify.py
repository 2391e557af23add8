"""`fishprep.verify`: does a build hold what it says?"""

from fishprep.builds.repair import repair as repair_records
from fishprep.builds.verify import Depth, Verification
from fishprep.builds.verify import verify as verify_build
from fishprep.common.errors import ConfigurationError
from fishprep.public.paths import weights_from
from fishprep.public.settings import StrPath
from fishprep.storage.named import located


def verify(
    out: StrPath,
    *,
    deep: bool = False,
    samples: int = 16,
    repair: bool = False,
    rows_only: bool = False,
    parser_weights: StrPath | None = None,
    weights_dir: StrPath | None = None,
) -> Verification:
    """Check the build in `out`: format, shapes, values, hashes, and the manifest against the shards. It is sound where the
    result has no `problems`.

    deep: LR images and maps of so many `samples` of each shard are derived again, maps at 128² too where the weights of the
    build's parser are here. repair: first mend the records. rows_only: no shard is looked at, as they may be elsewhere. Raises
    BuildError where `out` is not the folder of a build.
    """
    if samples < 1:
        raise ConfigurationError(f"--samples {samples}: at least one is needed")
    if deep and rows_only:
        raise ConfigurationError("--deep looks into shards, and --rows-only at none: one of them")
    folder = located(out)
    if repair:
        repair_records(folder)
    depth = Depth(samples, weights_from(weights_dir, parser_weights)) if deep else None
    return verify_build(folder, depth, rows_only=rows_only)
