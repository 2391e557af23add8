"""`fishprep.describe`: a finished build described for others."""

from dataclasses import dataclass

from fishprep.builds.folder import BuildFolder
from fishprep.builds.names import CARD, CROISSANT
from fishprep.common.errors import BuildError
from fishprep.descriptions.card import card
from fishprep.descriptions.content import Description, Publisher, describe_build
from fishprep.descriptions.croissant import croissant
from fishprep.public.settings import StrPath
from fishprep.storage.named import located


@dataclass(frozen=True)
class DescribeResult:
    """description: what was found. croissant, card: where the two files lie."""

    description: Description
    croissant: str
    card: str


def describe(out: StrPath, publisher: Publisher) -> DescribeResult:
    """Describe the finished build in `out`, a folder or a bucket, in two files beside it: `croissant.json` (Croissant 1.1 JSON-LD) and
    `card.md`, a dataset card. The same build and publisher give the same bytes; earlier ones are replaced.

    Raises BuildError where the build is not finished, damaged, or cannot be written to, ShardError for a shard that cannot be read,
    ConfigurationError for a publisher without a name.
    """
    folder = BuildFolder.at(located(out))
    found = describe_build(folder, publisher)
    for name, text in ((CROISSANT, croissant(found)), (CARD, card(found))):
        try:
            folder.write_text(name, text)
        except OSError as error:
            raise BuildError(f"{folder.where(name)}: cannot be written: {error.strerror or error}") from error
    return DescribeResult(found, folder.where(CROISSANT), folder.where(CARD))
