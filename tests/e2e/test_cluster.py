"""Builds on a Ray cluster of several nodes, where workers, machines and drivers are lost: the bytes are those of one worker here."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gated
import pytest
from annotated import write_photo
from gated import contents
from gates import LONGEST, Gate, is_gone, until
from here import Here
from support import rows

import fishprep
from fishprep.builds.run import Finished
from fishprep.engines import ENGINES, ray_engine
from fishprep.engines.dispatch import Patience

clusters = (
    pytest.importorskip("clusters", reason="needs Ray") if os.environ.get("CI") != "true" else __import__("clusters")
)
pytestmark = [pytest.mark.ends(540), pytest.mark.slow]

PATIENCE = Patience(silence=15, copy=1e9)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos, one of which kills, and one that is none: eight shards."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(6):
        write_photo(folder, f"{number}", number)
    write_photo(folder, "bomb", 7)
    (folder / "torn.png").write_bytes((folder / "1.png").read_bytes()[:300])
    return folder


@pytest.fixture(scope="module")
def alone(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one worker on this disk makes of them."""
    out = tmp_path_factory.mktemp("alone") / "out"
    gated.build(photos, out)
    fates = {name: row["status"] for name, row in rows(out).items()}
    assert fates.pop("bomb") == "failed" and fates.pop("torn") == "undecodable" and set(fates.values()) == {"ok"}
    return contents(out)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos, and beside them what one worker in this process makes of them."""
    folder = tmp_path_factory.mktemp("few") / "photos"
    for number in range(4):
        write_photo(folder, f"{number}", number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "local", Here)
        gated.build(folder, folder.parent / "alone")
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    import ray

    with clusters.nodes(2) as made:
        ray.init(made.address, log_to_driver=False)
        yield made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


class Running(threading.Thread):
    """A build that goes on while things happen."""

    def __init__(self, work: Callable[[], fishprep.BuildResult]) -> None:
        super().__init__(daemon=True)
        self.work, self.result, self.error = work, None, None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.work()  # type: ignore[assignment]
        except BaseException as error:
            self.error = error  # type: ignore[assignment]

    def come_to_its_end(self) -> fishprep.BuildResult:
        self.join(LONGEST)
        assert not self.is_alive(), "no end"
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result


def running(photos: Path, out: Path, patience: Patience = PATIENCE) -> Running:
    settings = fishprep.ClusterSettings(patience=patience)
    return Running(lambda: gated.build(photos, out, engine="ray", cluster=settings))


def test_a_worker_is_killed_a_machine_lost_one_added_a_worker_stopped_and_an_orphan_publishes_late(
    photos: Path, out: Path, gate: Gate, alone: dict[str, bytes], cluster: Any
) -> None:
    for number in (0, 1, 3):
        gate.hold(f"train-0000{number}")
    build = running(photos, out)
    each = {gate.await_one("train-00000"), gate.await_one("train-00001")}
    orphan = next(one for one in each if cluster.above(one.above) is not cluster.nodes[0])
    (killed,) = each - {orphan}
    os.kill(killed.above, signal.SIGKILL)  # the actor; the process below it ends with it
    lost = cluster.above(orphan.above)
    cluster.cut_off(lost)
    cluster.add()
    stopped = gate.await_one("train-00003")
    os.kill(stopped.above, signal.SIGSTOP)
    build.come_to_its_end()
    assert contents(out) == alone
    order = [one.shard for one in gate.arrivals()]
    times = {name: order.count(name) for name in set(order)}
    assert times.pop("train-00000") == times.pop("train-00001") == times.pop("train-00003") == 2
    assert set(times.values()) == {1}
    again = {name: len(order) - 1 - order[::-1].index(name) for name in times | {"train-00000": 2, "train-00001": 2}}
    assert again[orphan.shard] < order.index("train-00004"), "what was lost with a machine is next"
    assert again[killed.shard] > order.index("train-00005"), "what was lost by its own doing is set aside"
    assert not gate.has_left(orphan), "it is at work as if nothing had happened"
    gate.let_go(orphan.process)
    until(lambda: gate.has_left(orphan))
    assert contents(out) == alone, "what it publishes is nobody's loss"
    cluster.remove(lost)


def test_a_driver_is_killed_and_two_go_on_at_the_same_time(few: Path, out: Path, gate: Gate, cluster: Any) -> None:
    held = ("train-00002", "train-00003")
    for shard in held:
        gate.hold(shard)
    helpers = Path(gated.__file__)
    path = os.pathsep.join(filter(None, (str(helpers.parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    driver = subprocess.Popen(
        [sys.executable, str(helpers), str(few), str(out), cluster.address],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    for shard in held:
        gate.await_one(shard)
    until(
        lambda: all(one.shard in held or gate.has_left(one) for one in gate.arrivals())
    )  # none is killed half way through a file
    driver.kill()
    driver.communicate()
    until(
        lambda: all(is_gone(one.process) and is_gone(one.above) for one in gate.arrivals())
    )  # none writes once others go on
    before = len(list(out.glob("train-*.parquet")))
    both = gated.build_beside_others(few, out, 2, ray_engine)
    assert before and all(isinstance(one, Finished) and one.totals.photos == 4 for one in both)
    assert contents(out) == contents(few.parent / "alone") and not list(out.glob(".*.tmp"))


def test_machines_that_are_not_fit_are_left_out_by_name(
    few: Path,
    out: Path,
    gate: Gate,
    cluster: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of another version of a library, with another CPU, with a disk that is full."""
    older, other = tmp_path / "older", tmp_path / "other"
    (older / "pillow-0.0.1.dist-info").mkdir(parents=True)
    (older / "pillow-0.0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pillow\nVersion: 0.0.1\n")
    other.mkdir()
    (other / "sitecustomize.py").write_text(
        "from pathlib import Path\n"
        "read = Path.read_text\n"
        "said = 'vendor_id : Elbrus\\ncpu family : 8\\nmodel : 1\\n\\n'\n"
        "Path.read_text = lambda path, *a, **k: said if str(path) == '/proc/cpuinfo' else read(path, *a, **k)\n"
    )
    for node in list(cluster.nodes)[1:]:
        cluster.remove(node)
    gate.hold("train-00000")
    build = running(few, out, Patience(copy=1e9))
    first = gate.await_one("train-00000")  # whose CPU is everybody's
    bad = [cluster.add(first=older), cluster.add(first=other), cluster.add(NODE="full", FULL="1")]
    try:
        until(lambda: all(words in caplog.text for words in ("illow", "Elbrus", "No space left")))
        gate.let_go(first.process)
        build.come_to_its_end()
    finally:
        for node in bad:
            cluster.remove(node)
    assert contents(out) == contents(few.parent / "alone")
