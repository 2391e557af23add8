"""`fishprep.remap`: a finished build with other maps, without its photos."""

from pathlib import Path

from fishprep.builds.remap import RemapRequest
from fishprep.builds.remap import remap as remap_shards
from fishprep.builds.remapped import MapSettings
from fishprep.common.device import resolve_device
from fishprep.common.errors import ConfigurationError, SourceError
from fishprep.public.news import Chosen, Listener, unheard
from fishprep.public.paths import optional_path, weights_from
from fishprep.public.result import BuildResult
from fishprep.public.retry import totals
from fishprep.public.settings import RemapSettings, StrPath
from fishprep.storage.named import located


def remap(
    out: StrPath,
    new: StrPath,
    settings: RemapSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Listener | None = None,
) -> BuildResult:
    """Write the finished build in `out` anew into `new`, with skin maps and classes that are made of the stored 128² faces now, or are
    given. All else is as it was: pictures, points, ids, order, splits, photos that were dropped. The photos are not read.

    `out` is only read. A remap that was stopped goes on, to the same bytes; with `overwrite` what is in `new` is removed first. The
    shards are those that a build of the same photos with these settings would write, byte for byte, where the same versions and device make
    both. Tells of Chosen just before the first face, of Progress.

    Raises ConfigurationError where settings do not go together or `new` holds another build, SourceError where masks are missing
    or unfit, WeightsError where the parser's weights are not here, BuildError where `out` is not a whole build or `new` cannot be written.
    """
    settings, progress = settings or RemapSettings(), progress or unheard
    if settings.workers < 1:
        raise ConfigurationError(f"--workers {settings.workers}: at least one is needed")
    masks = None if settings.masks is None else Path(settings.masks)
    if masks is not None and not masks.is_dir():
        raise SourceError(f"{masks}: no such folder of masks")
    maps = MapSettings(
        parser=settings.named_parser,
        parser_size=settings.parser_size,
        parser_precision=settings.parser_precision,
        skin_classes=settings.skin_classes,
        mask_resizer=settings.mask_resizer,
        keep_classes=settings.keep_classes,
        device=str(resolve_device(settings.device)),
        threads=settings.threads,
    )
    weights = weights_from(optional_path(settings.weights_dir), optional_path(settings.parser_weights))
    progress(Chosen(totals(out).samples))
    request = RemapRequest(located(out), located(new), maps, weights, masks, settings.follow_links)
    return BuildResult.of(located(new), remap_shards(request, settings.workers, progress, overwrite))
