"""`fishprep.merge`: parts of a build that were made in several places, joined."""

from collections.abc import Callable

from fishprep.builds.merge import Merged
from fishprep.builds.merge import merge as merge_builds
from fishprep.common.errors import ConfigurationError
from fishprep.public.news import unheard
from fishprep.public.settings import StrPath
from fishprep.storage.named import located


def merge(out: StrPath, *parts: StrPath, progress: Callable[[str], None] = unheard) -> Merged:
    """Take the shards of `parts` into the build in `out`, which is itself one of the parts; the others stay as they are. progress: gets
    the name of each shard that is copied.

    Parts of the same plan (`build_part` into folders of their own) give the shards that are lacking; others, made with the same settings
    and weights of other photos, become extensions of `out`. Shards keep their bytes and everybody his split. A call that was stopped
    goes on with the same arguments. Raises ConfigurationError where a part was made otherwise or a photo stands in two, BuildError where
    one is damaged, or `out` cannot be written.
    """
    if not parts:
        raise ConfigurationError("which parts? give the folders of builds after OUT, which is one of them")
    return merge_builds(located(out), [located(part) for part in parts], progress)
