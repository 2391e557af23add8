"""What the records of a build must look like: looked at when they are read, as somebody may have damaged them, or made them up."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fishprep.builds.configuration import BuildConfiguration
from fishprep.common.errors import BuildError, ConfigurationError

_ShardName = tuple[Literal["train", "val", "test"], Annotated[int, Field(ge=0)]]


class _Configuration(BaseModel):
    """What every version wrote of it."""

    model_config = ConfigDict(extra="allow")

    weights: dict[str, str]
    shard_size: int


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="allow")

    configuration: _Configuration
    recipe: str
    inputs: str
    versions: dict[str, str]


class _Source(BaseModel):
    """How the source was opened."""

    root: str
    kind: str
    list: str | None = None
    points: str | None = None
    masks: str | None = None
    wild: bool = False
    licence: str = ""
    follow_links: bool = False


class _Masks(BaseModel):
    """Where given maps lay, and the hash of each shard's."""

    folder: str
    shards: dict[str, str]


class _Remapped(BaseModel):
    """A time that the maps of a build were made anew."""

    model_config = ConfigDict(extra="allow")

    shards: str
    versions: dict[str, str]
    masks: _Masks | None = None


class StartRecord(_Recorded):
    """`configuration.json`."""

    source: _Source | None = None
    remapped: list[_Remapped] = []


class RetryRecord(_Recorded):
    """`retry-NNNN.json`."""

    statuses: list[str]
    overrides: dict[str, Any]
    specs: list[_ShardName]
    photos: list[str]
    follow_links: bool = False
    annotations: dict[str, str] = {}
    marks: dict[str, list[tuple[float, float]]] = {}


class ExtensionRecord(_Recorded):
    """What is recorded in `extend-NNNN.parquet`."""

    source: _Source
    prefix: str = ""
    specs: list[_ShardName]
    gone: list[str] = []
    changed: list[str] = []


class _MovedShard(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sha256: str
    bytes: int
    to: str


class MovedRecord(BaseModel):
    """`moved.json`."""

    shards: dict[str, _MovedShard]


class _Totals(BaseModel):
    """Counts of a build, as far as everybody has them."""

    photos: int
    samples: int
    dropped: int
    bytes: int
    by_split: dict[str, int]
    by_status: dict[str, int]
    by_backend: dict[str, int]


class ManifestRecord(BaseModel):
    """`manifest.json`, what is read of it but to be compared."""

    model_config = ConfigDict(extra="allow")

    totals: _Totals


def check_record(kind: type[BaseModel], facts: object, where: str, mend: str = "") -> None:
    """BuildError, which names the first field that is not what it should be."""
    try:
        kind.model_validate(facts)
        if isinstance(facts, dict) and "configuration" in facts and issubclass(kind, _Recorded):
            BuildConfiguration.recorded(facts["configuration"])
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise BuildError(f"{where}: damaged ({place}: {first['msg']}){mend}") from error
    except ConfigurationError as error:
        raise BuildError(f"{where}: damaged ({error}){mend}") from error
