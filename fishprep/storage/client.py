"""The way to an object store: obstore's clients, and what they raise as the system's errors. The one file that imports obstore."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from fishprep.common.errors import ConfigurationError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az")
RETRY: Any = {"max_retries": 10, "retry_timeout": timedelta(minutes=3)}
"""Of obstore for one request that the server or the network fails, with growing pauses between."""

_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "TokenRefresh",
)
"""Codes with which S3 says that the fault is not with what was asked for."""
_CLIENT = {"timeout": "5m", "connect_timeout": "10s"}
"""A shard goes in one request, over whatever line there is."""


@contextmanager
def refusals(where: str) -> Iterator[None]:
    """What obstore raises, as the system's errors, with `where` as the file."""
    exceptions = obstore().exceptions
    try:
        yield
    except FileNotFoundError as error:
        said = error.strerror or os.strerror(errno.ENOENT)
        raise FileNotFoundError(errno.ENOENT, said, error.filename or where) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        if isinstance(error, exceptions.UnauthenticatedError) or any(code in str(error) for code in _CREDENTIALS):
            raise OSError(errno.EIO, f"the server does not take the credentials: {in_short(error)}", where) from error
        raise PermissionError(errno.EACCES, f"access is denied: {in_short(error)}", where) from error
    except exceptions.BaseError as error:
        raise OSError(errno.EIO, f"the network or the server failed: {in_short(error)}", where) from error


def in_short(error: Exception) -> str:
    """Of what obstore says, which goes on with its own insides, and of the server's answer its message alone."""
    said, _, answer = str(error).partition("\n\nDebug source")[0].partition("<?xml")
    message = re.search(r"<Message>(.*?)</Message>", answer, re.DOTALL)
    return f"{said.strip()} {message[1] if message else ''}".strip().partition("\n")[0][:400]


def obstore() -> Any:
    """The library, with its `exceptions`. ConfigurationError where it is not installed."""
    try:
        import obstore as library
        import obstore.exceptions
    except ImportError as error:
        raise ConfigurationError("buckets need obstore: pip install 'fishfsr[cloud]'") from error
    return library


@cache
def store(url: str) -> "ObjectStore":
    """The client of a url, one a process. ConfigurationError where there is no obstore, or the url or the environment does not do."""
    exceptions = obstore().exceptions
    from obstore.store import from_url

    endpoint = next(
        (os.environ[n] for n in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT") if n in os.environ), ""
    )
    plain = url.startswith("s3:") and endpoint.startswith("http:")
    options: Any = {**_CLIENT, "allow_http": True} if plain else _CLIENT
    try:
        return from_url(url, client_options=options, retry_config=RETRY)
    except (exceptions.BaseError, ValueError) as error:
        raise ConfigurationError(f"{url}: {in_short(error)}") from error
