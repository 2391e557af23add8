"""Faults of one line, each planted into a copy of the project, and the tests that notice it: proof that these tests see.

    python tests/crash/planted.py [WORD...]     # those with one of the words in their names

prints a table, and ends with 1 where one was not noticed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("fishprep", "fishfsr", "cli", "tests", "weights", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Planted:
    """A fault: in `file`, `old` becomes `new`. tests: pytest's arguments for those that are to notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


CALLS, REPLAY, MACHINE = (f"tests/crash/test_{name}.py" for name in ("calls", "replay", "build_machine"))
FILES, FOLDER, LOOP = "fishprep/common/files.py", "fishprep/builds/folder.py", "fishfsr/training/loop.py"
POWER = (REPLAY, "-k", "pack or repair")
LAST = "tests/crash/test_last.py"

PLANTED = (
    Planted("no fsync of a file", FILES, "        flush(temporary)\n", "        pass\n", POWER),
    Planted("no fsync of a folder", FILES, '    if os.name == "posix":\n        flush(folder)', "    pass", POWER),
    Planted(
        "a name before its bytes are safe",
        FILES,
        "        if flushed:\n            flush(temporary)\n        if replace:\n            temporary.replace(path)",
        "        if replace:\n            temporary.replace(path)\n            flush(path)",
        POWER,
    ),
    Planted("a failed fsync is believed", FILES, "        raise OSError(error.errno, error.strerror, str(path)) from error",
            "        pass", (CALLS, "-k", "pack")),
    Planted("a temporary name is left", FILES, "        temporary.unlink(missing_ok=True)\n        raise", "        raise",
            (CALLS, "-k", "pack")),
    Planted("a file is written in place", FILES, "    temporary = path.with_name(_temporary_name(path.name))",
            "    temporary = path", (CALLS, "-k", "pack")),
    Planted("create without exclusion", FILES, "            _rename_new(temporary, path)",
            "            temporary.replace(path)", ("tests/fishprep/storage/test_contract.py",)),
    Planted("leftovers stay (build)", "fishprep/builds/output.py", "    folder.storage.sweep(is_own)\n    if folder",
            "    if folder", (CALLS, "-k", "build")),
    Planted("leftovers stay (repair)", "fishprep/builds/repair.py", "        folder.storage.sweep(is_own)\n", "",
            (CALLS, "-k", "repair")),
    Planted("leftovers stay (training)", "fishfsr/training/run.py", "        folder.sweep()\n", "", (CALLS, "-k", "train")),
    Planted("leftovers of others are swept", "fishprep/storage/folder.py", "if name is not None and ours(name):",
            "if name is not None:", ("tests/fishprep/storage/test_contract.py",)),
    Planted("rows before the shard", "fishprep/builds/builder.py",
            "        if samples is not None:\n            try:",
            "        self.folder.commit(spec.name, rows, record)\n        if samples is not None:\n            try:",
            (CALLS, "-k", "build")),
    Planted("resumed by the list of files alone", "fishprep/builds/build.py", "done = folder.standing(folder.finished())",
            "done = folder.finished()", ("tests/e2e/test_after.py", "-k", "lost_shard")),
    Planted("what was planned is not compared", "fishprep/builds/inputs.py",
            '        "photos gone": gone,\n', "", (MACHINE,)),
    Planted("a split is drawn anew", "fishprep/builds/plan.py", "replace(photo, id=line.id, split=line.split,",
            "replace(photo, id=line.id, split=photo.split or line.split,", ("tests/fishprep/builds/test_retry.py",)),
    Planted("the hash of another file", FOLDER, "StoredShard(name.file, sha256_file(path),",
            "StoredShard(name.file, sha256_file(Path(__file__)),", (MACHINE,)),
    Planted("no lock", "fishprep/storage/folder.py", "        return beside_others(self.folder) if self.is_shared else locked(self.folder)",
            "        self.folder.mkdir(parents=True, exist_ok=True)\n        return locked(self.folder / 'elsewhere')",
            (MACHINE,)),
    Planted("the marks of a build go first", "fishprep/builds/output.py",
            "    folder.storage.delete(*many)\n", "    folder.storage.delete(*MARKS)\n    folder.storage.delete(*many)\n",
            ("tests/fishprep/builds/test_folder.py", MACHINE)),
    Planted("a shard is withdrawn before its rows", FOLDER,
            "        self.storage.delete(*(name.rows_file for name in names))\n", "",
            ("tests/fishprep/builds/test_folder.py", "tests/fishprep/builds/test_retry.py")),
    Planted("verify looks at sizes alone", "fishprep/builds/verify.py",
            "        if size != record.bytes or sha256_file(here) != record.sha256:", "        if size != record.bytes:", (MACHINE,)),
    Planted("a retried photo counts twice", "fishprep/builds/samples.py", "        if not self.last:\n            return table",
            "        if True:\n            return table", (MACHINE,)),
    Planted("the state before the weights", LOOP,
            "        self._save_weights(around.folder.last(self.stage.name), {})\n", "",
            (CALLS, "-k", "train")),
    Planted("metrics that may be lost", LOOP, "        around.journal.keep()\n", "", (REPLAY, "-k", "train")),
    Planted("metrics written twice on resume", "fishfsr/training/journal.py", "if _not_after(line, stage, step)]", "]",
            (CALLS, "-k", "train")),
    Planted("a row of upscale before its pictures", "fishfsr/upscaling/run.py", " and earlier.sha256 == sha256 and whole",
            " and earlier.sha256 == sha256", (REPLAY, "-k", "upscale")),
    Planted("the journal of upscale goes before its rows are kept", "fishfsr/upscaling/record.py",

            "        write_text(out / FILE,", "        remove_journal(out)\n        write_text(out / FILE,", (CALLS, "-k", "upscale")),
)  # fmt: skip


def copy_of_project(folder: Path) -> None:
    """What tests need, without what git does not know."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)


def plant(fault: Planted, folder: Path) -> None:
    """Change the copy."""
    path = folder / fault.file
    text = path.read_text()
    assert text.count(fault.old) == 1, f"{fault.name}: {text.count(fault.old)} times in {fault.file}"
    compile(text.replace(fault.old, fault.new), fault.file, "exec")
    path.write_text(text.replace(fault.old, fault.new))


def who_notices(fault: Planted, folder: Path) -> str | None:
    """The first test that fails; None where all pass."""
    shutil.copy(folder / fault.file, folder / "kept")
    plant(fault, folder)
    try:
        environment = os.environ | {"PYTHONPATH": f"{folder}:{folder / 'cli'}", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *fault.tests]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        failed = [line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        assert done.returncode in (0, 1), (
            f"pytest ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
        return failed[0] if failed else None
    finally:
        shutil.copy(folder / "kept", folder / fault.file)


def main() -> None:
    """Plant each, one after another."""
    words = sys.argv[1:] or [""]
    missed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_of_project(folder)
        for fault in (fault for fault in PLANTED if any(word in fault.name for word in words)):
            began = time.monotonic()
            noticed = who_notices(fault, folder)
            missed += noticed is None
            print(f"{fault.name:50} {noticed or 'NOT NOTICED':70} {time.monotonic() - began:.0f} s", flush=True)
    print(f"{missed} not noticed")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
