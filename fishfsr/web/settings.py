"""What a server is told before it starts."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from fishfsr.errors import ConfigurationError
from fishfsr.upscaling.results import PhotoSize
from fishfsr.upscaling.upscaler import UpscaleSettings
from fishprep.decoding.decode import Limits


@dataclass(frozen=True)
class WebSettings:
    """What is served, to whom, and how much of the machine it may take.

    host, port: where it listens; port 0 takes a free one. auth: name and password that every request must bring; needed where
    other machines reach the host. shards: a build, to be looked through. upscale: of all photos; the page offers the rest.
    limits: of an uploaded file. size: its `max_pixels` is of restored photos. most_files: of one run. waiting: runs in the queue.
    keep: minutes for which uploads and results stay. disk: bytes that they may take together.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[str, str] | None = None
    shards: Path | None = None
    upscale: UpscaleSettings = field(default_factory=UpscaleSettings)
    limits: Limits = field(default_factory=Limits)
    size: PhotoSize = field(default_factory=PhotoSize)
    most_files: int = 20
    waiting: int = 32
    keep: float = 30.0
    disk: int = 4 * 2**30

    def __post_init__(self) -> None:
        if self.auth is not None and not all(self.auth):
            raise ConfigurationError("--auth: NAME:PASSWORD, neither of them empty")
        if self.auth is None and not self.is_local:
            raise ConfigurationError(
                f"--host {self.host}: other machines reach it: say who may use the page with --auth NAME:PASSWORD"
            )
        if self.keep <= 0 or self.disk < 2 * self.limits.max_bytes:
            raise ConfigurationError("keep and disk must leave room for one upload and its results")

    @property
    def is_local(self) -> bool:
        """Whether this machine alone reaches the host."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
