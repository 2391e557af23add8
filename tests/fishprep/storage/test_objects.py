"""A bucket whose answers are not what they say."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fishprep.storage import client
from fishprep.storage.objects import ObjectStorage

library = pytest.importorskip("obstore")


class Half:
    """An answer that ends before its end."""

    def __init__(self) -> None:
        self.meta = {"size": 8}

    def stream(self, min_chunk_size: int) -> Iterator[bytes]:
        yield b"half"


def test_an_object_that_came_in_part_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    far = SimpleNamespace(get=lambda *arguments, **named: Half(), exceptions=library.exceptions)
    monkeypatch.setattr(client, "obstore", lambda: far)
    monkeypatch.setattr(client, "store", lambda url: None)
    with (
        pytest.raises(OSError, match="came in part alone"),
        ObjectStorage("s3://bucket/prefix").local("train-00000.h5"),
    ):
        pass
