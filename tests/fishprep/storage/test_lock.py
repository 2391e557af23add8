"""One command at a time, and nothing left of one that is refused."""

import errno
from pathlib import Path

import pytest
from filelock import FileLock

from fishprep.common.errors import ConfigurationError
from fishprep.storage.base import InUseError
from fishprep.storage.lock import locked


def refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError), locked(folder):
        raise ConfigurationError("of other settings")


def test_a_refusal_leaves_no_folder(tmp_path: Path) -> None:
    refused(tmp_path / "a" / "b" / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_nothing_among_photos(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    refused(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_failure_after_work_keeps_the_work_and_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError), locked(tmp_path / "out"):
        (tmp_path / "out" / "shard.h5").touch()
        raise ConfigurationError("later")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {".lock", "shard.h5"}


def test_a_lock_of_before_stays(tmp_path: Path) -> None:
    with locked(tmp_path):
        pass
    refused(tmp_path)
    assert (tmp_path / ".lock").exists()


def test_one_at_a_time(tmp_path: Path) -> None:
    with locked(tmp_path / "out"):
        with pytest.raises(InUseError), locked(tmp_path / "out"):
            pytest.fail("two at a time")
        assert (tmp_path / "out" / ".lock").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_drive_without_locks_is_said_and_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "out"):
        (tmp_path / "out" / "a").touch()
    assert "has no locks" in caplog.text and str(tmp_path / "out") in caplog.text


def test_a_lock_that_another_holds_is_no_drive_without_locks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(InUseError), locked(tmp_path):
        raise AssertionError
    assert not caplog.text


def test_a_folder_that_is_taken_away_hides_no_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"), locked(tmp_path / "out"):
        (tmp_path / "out").rename(tmp_path / "elsewhere")
        raise ConfigurationError("cannot be written")
