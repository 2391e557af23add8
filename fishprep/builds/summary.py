"""What a build comes to, from what stands in its folder: its manifest, and the table of all rows."""

from typing import Any

from fishprep.builds.configuration import BuildConfiguration
from fishprep.builds.folder import BuildFolder
from fishprep.builds.manifest import Totals
from fishprep.builds.samples import write_end
from fishprep.builds.versions import PRODUCER
from fishprep.shards.schema import SCHEMA_VERSION


def write_manifest(folder: BuildFolder) -> Totals:
    """`manifest.json` and `samples.parquet` from what stands in a folder."""
    return write_end(folder, *manifest_facts(folder))


def manifest_facts(folder: BuildFolder) -> tuple[BuildConfiguration, dict[str, Any]]:
    """The configuration of a build, and what else its manifest says that does not follow from rows."""
    start = folder.start()
    configuration = BuildConfiguration.recorded(start.pop("configuration"))
    extensions = list(folder.extensions().values())
    return configuration, {
        "schema_version": SCHEMA_VERSION,
        "producer": PRODUCER,
        **start,
        "retries": list(folder.retries().values()),
        **({"extensions": extensions} if extensions else {}),
    }
