"""Faults of one line, and the tests that are to notice each: what `planted` plants."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """A fault: in `file`, `old` becomes `new`. tests: pytest's arguments for those that are to notice it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FILES, FOLDER, LOOP = "fishprep/common/files.py", "fishprep/builds/folder.py", "fishfsr/training/loop.py"
OUTPUT, BOOKS, REPAIR = "fishprep/builds/output.py", "fishprep/builds/bookkeeping.py", "fishprep/builds/repair.py"
RETRY, OBJECTS, EARLIER = "fishprep/builds/retry.py", "fishprep/storage/objects.py", "fishfsr/training/earlier.py"
STORAGE, STATE, JOURNAL = "fishprep/storage/folder.py", "fishfsr/training/state.py", "fishfsr/training/journal.py"

ORDER = ("tests/crash/test_order.py", "-k", "not training and not run")
TRAINED = ("tests/crash/test_order.py", "-k", "training or run")
BUILT, RETRIED, REPAIRED = (("tests/crash/test_sweep.py", "-k", name) for name in ("build", "retry", "repair"))
TRAINING = ("tests/crash/test_train_machine.py", "-k", "matters")
FOUND, VERIFIED = ("tests/crash/test_found.py",), ("tests/fishprep/builds/test_verify.py",)
MOVING, MOVED = "fishprep/builds/moving.py", ("tests/fishprep/builds/test_moving.py",)
EXTENDED = ("tests/fishprep/builds/test_extend.py",)
RETRIES, STORED = ("tests/fishprep/builds/test_retry.py",), ("tests/fishprep/builds/test_folder.py",)
CONTRACT = ("tests/fishprep/storage/test_contract.py", "tests/fishprep/storage/test_folder.py")
INPUTS = ("tests/fishprep/builds/test_inputs.py",)
BUCKET = ("tests/fishprep/builds/test_bucket.py",)
PARSER = ("tests/fishprep/parsing/training/test_run.py", "-k", "order or damaged_line")
CALLS, REPLAY = "tests/crash/test_calls.py", "tests/crash/test_replay.py"

PLANTED = (
    # Files
    Planted("no fsync of a file", FILES, "            if flushed:\n                flush(temporary)\n", "", ORDER),
    Planted("no fsync of a folder", FILES, '    if os.name == "posix":\n        flush(folder)', "    pass", ORDER),
    Planted("a name before its bytes are safe", FILES,
            "            if flushed:\n                flush(temporary)\n            if replace:\n                temporary.replace(path)",
            "            if replace:\n                temporary.replace(path)\n                flush(path)", ORDER),
    Planted("a file is flushed before it is written", FILES,
            "            yield temporary\n            temporary.chmod(ordinary)",
            "            flush(temporary)\n            flushed = False\n            yield temporary\n            temporary.chmod(ordinary)",
            ORDER),
    Planted("a failed fsync is believed", FILES, "        raise OSError(error.errno, error.strerror, str(path)) from error",
            "        pass", BUILT),
    Planted("a failed rename is believed", FILES, "                temporary.replace(path)\n            else:",
            "                with suppress(OSError):\n                    temporary.replace(path)\n            else:", BUILT),
    Planted("a live writer's file is swept", FILES,
            "LOCK_NB)\n            temporary.unlink()", "LOCK_NB) if 0 else None\n            temporary.unlink()", FOUND),
    Planted("a temporary name is left", FILES, "        temporary.unlink(missing_ok=True)\n        raise", "        raise", BUILT),
    Planted("a file is written in place", FILES, "    temporary = path.with_name(_temporary_name(path.name))",
            "    temporary = path", BUILT),
    Planted("create without exclusion", FILES, "                _rename_new(temporary, path)",
            "                temporary.replace(path)", CONTRACT),
    # Storages
    Planted("what was removed may come back", STORAGE, "        if names:\n            flush_folder(self.folder)\n", "", ORDER),
    Planted("new folders may be lost", "fishprep/storage/lock.py", "            flush_folder(folder.parent)", "            pass", ORDER),
    Planted("files of a storage are not flushed", STORAGE, "as one_by_one, atomic(place) as path",
            "as one_by_one, atomic(place, flushed=False) as path", ORDER),
    Planted("leftovers of others are swept", STORAGE, " is not None and ours(name)]", " is not None]", CONTRACT),
    Planted("what others write is swept", STORAGE,
            "        if not self.is_shared:\n            for", "        if True:\n            for", CONTRACT),
    Planted("what others have just begun is swept", STORAGE, "> FORGOTTEN:", "> -1:", CONTRACT),
    Planted("what is being written is listed", STORAGE, " and meant_for(n) is None)", ")", CONTRACT),
    Planted("what is settled is replaced", STORAGE, "os.path.lexists(place) and settled()", "False", CONTRACT),
    Planted("no lock", STORAGE, "        return beside_others(self.folder) if self.is_shared else locked(self.folder)",
            "        self.folder.mkdir(parents=True, exist_ok=True)\n        return locked(self.folder / 'elsewhere')", CONTRACT),
    Planted("a lock of the folder above", "fishprep/storage/lock.py", "    lock = folder / LOCK\n", "    lock = folder.parent / LOCK\n",
            ("tests/fishprep/storage/test_lock.py",)),
    Planted("an object that came in part", OBJECTS, '        if path.stat().st_size != found.meta["size"]:', "        if False:",
            ("tests/fishprep/storage/test_objects.py",)),
    Planted("an answer that was lost is believed", OBJECTS, '            if seen is not None and seen.writer == ours["writer"]:\n',
            "            if False:\n", BUCKET),
    Planted("an object is replaced without asking", OBJECTS, '"create" if instead is None else instead.version', '"overwrite"', CONTRACT),
    Planted("a server is not proved", OBJECTS, "        self._prove()\n", "", (*BUCKET, *CONTRACT)),
    # Builds
    Planted("leftovers stay (build)", OUTPUT, "    folder.storage.sweep(is_own)\n    if folder", "    if folder", BUILT),
    Planted("leftovers stay (repair)", REPAIR, "        folder.storage.sweep(is_own)\n", "", REPAIRED),
    Planted("rows before the shard", "fishprep/builds/storing.py", "        if samples is not None:\n            try:",
            "        self.folder.commit(name, rows, record)\n        if samples is not None:\n            try:", ORDER),
    Planted("the manifest before the table", "fishprep/builds/samples.py", "    records = folder.finished()\n    tally",
            "    records = folder.finished()\n    folder.write_manifest({})\n    tally", ORDER),
    Planted("the plan before whose it is", FOLDER, "        with self.storage.create(CONFIGURATION)",
            "        shards = list(shards)\n        self.write_plan(shards)\n        with self.storage.create(CONFIGURATION)", ORDER),
    Planted("resumed by the list of files alone", "fishprep/builds/build.py", "done = folder.standing(folder.finished())",
            "done = folder.finished()", STORED),
    Planted("the size of a shard is not looked at", FOLDER, "same and size == record.bytes", "same",
            FOUND),
    Planted("whose shard it is is not looked at", FOLDER, "same = self.storage.sha256(record.file) in (None, record.sha256)", "same = True",
            STORED),
    Planted("what was planned is not compared", "fishprep/builds/inputs.py", '        "photos gone": gone,\n', "", INPUTS),
    Planted("photos that were written anew are gone on with", "fishprep/builds/inputs.py", "if sha256 != known[photo.id]]", "if False]",
            INPUTS),
    Planted("a split is drawn anew", "fishprep/builds/plan.py", "replace(photo, id=line.id, split=line.split,",
            "replace(photo, id=line.id, split=photo.split or line.split,", RETRIES),
    Planted("the hash of another file", FOLDER, "StoredShard(name.file, sha256_file(path),",
            "StoredShard(name.file, sha256_file(Path(__file__)),", BUILT),
    Planted("the hash of rows is not kept", FOLDER, "rows_sha256=rows_hash(table))", "rows_sha256=None)", VERIFIED),
    Planted("the marks of a build go first", OUTPUT, "    shards = {name for",
            "    folder.storage.delete(*MARKS)\n    shards = {name for", ORDER),
    Planted("a retry's record goes before its shards", OUTPUT, "    folder.withdraw(*sorted(shards))\n",
            "    folder.storage.delete(*filter(is_retry, standing))\n    folder.withdraw(*sorted(shards))\n", FOUND),
    Planted("a shard is withdrawn before its rows", FOLDER, "        self.storage.delete(*(name.rows_file for name in names))\n", "",
            STORED),
    Planted("a retry that is refused removes shards", RETRY, "        folder.manifest()\n",
            "        folder.manifest()\n        remove_leftovers(folder, taken_names(folder))\n", FOUND),
    Planted("a retry is recorded again", "fishprep/builds/pending.py", "if lacking or (told is not None and record not in told):",
            "if lacking:", RETRIES),
    Planted("a retry takes a number that is taken", "fishprep/builds/expected.py",
            "max(free[name.split], name.number + 1)", "max(free[name.split], name.number)",
            RETRIES),
    Planted("an extension's photos are looked for in the plan alone", "fishprep/builds/expected.py",
            "        lines |= {line.id: line for line in folder.plan(file)}\n", "        pass\n", EXTENDED),
    Planted("an extension that was stopped is begun anew", "fishprep/builds/extend.py",
            "None if pending is None else taken_up(request, resolved, pending, photos)", "None", EXTENDED),
    Planted("photos of extensions are the build's", "fishprep/public/planning.py", "        opened = WithoutExtended(opened, folder)\n",
            "        pass\n", EXTENDED),
    Planted("another retry is gone on with", RETRY, '    if sorted(record["statuses"]) != sorted(request.statuses):', "    if False:",
            ("tests/e2e/test_retried.py", *RETRIES)),
    Planted("a retried photo counts twice", "fishprep/builds/samples.py", "        if not self.last:\n            return table",
            "        if True:\n            return table", RETRIED),
    Planted("verify looks at sizes alone", "fishprep/builds/verify.py",
            "        if size != record.bytes or sha256_file(here) != record.sha256:", "        if size != record.bytes:",
            (*VERIFIED, "-k", "hash")),
    Planted("verify believes rows", BOOKS, "    if record.rows_sha256 is not None and", "    if False and", VERIFIED),
    Planted("verify does not look at the seal", BOOKS, "    if seal is not None and seal != sha256_json(said):", "    if False:",
            (*VERIFIED, "-k", "manifest")),
    Planted("verify does not look at the plan", BOOKS, 'if manifest.inputs_hash(folder.plan()) != folder.start()["inputs"]:', "if False:",
            (*VERIFIED, "-k", "plan")),
    Planted("repair believes other rows", REPAIR, " and manifest.rows_hash(rows) == record.rows_sha256", "",
            (*VERIFIED, "-k", "made_up or restored")),
    Planted("repair believes a changed manifest", REPAIR, "whole = said.pop(SEAL) == sha256_json(said)", "whole = bool(said.pop(SEAL))",
            (*VERIFIED, "-k", "manifest_that_was")),
    Planted("repair restores rows of a shard that is gone", REPAIR, "record is not None and folder.stands(record) and",
            "record is not None and",
            (*VERIFIED, "-k", "gone_are")),
    Planted("the manifest has no seal", "fishprep/builds/samples.py", " | {SEAL: sha256_json(manifest)})", ")",
            (*VERIFIED, "-k", "manifest")),
    Planted("verify does not look at pieces", "fishprep/builds/verify.py", "        if record.pieces not in (None, pieces_of(here)):",
            "        if False:", (*VERIFIED, "-k", "pieces")),
    Planted("a sample may be in two shards", BOOKS, "first.setdefault(sample, name) != name:", "False:",
            ("tests/e2e/test_after.py", "-k", "twice")),
    Planted("a lost shard is not missed", "fishprep/builds/expected.py", "done = folder.standing(folder.finished())",
            "done = folder.finished()", FOUND),
    Planted("another build is gone on with", "fishprep/builds/storing.py",
            "self.begun is not None and self.folder.identity() != self.begun",
            "False", (*STORED, *BUCKET)),
    Planted("a retry beside a build that lacks a shard", RETRY, '        refuse_unfinished_build(folder, "the retry")\n', "", FOUND),
    # Moved, merged, remapped
    Planted("moved shards go before that is known", MOVING,
            "        write_elsewhere(folder.storage, Elsewhere({**before.shards, **now}))\n        folder.storage.delete(*here)\n",
            "        folder.storage.delete(*here)\n        write_elsewhere(folder.storage, Elsewhere({**before.shards, **now}))\n",
            (*MOVED, "-k", "killed")),
    Planted("leftovers stay (move)", MOVING,
            "        folder.storage.sweep(is_own)\n        before = read_elsewhere(folder.storage)\n        files",
            "        before = read_elsewhere(folder.storage)\n        files", (*MOVED, "-k", "swept")),
    Planted("a copy is believed", "fishprep/storage/copying.py", "        if sha256_file(new) != sha256:", "        if False:",
            ("tests/fishprep/builds/test_merge.py", "-k", "joined")),
    Planted("another remap is gone on with", "fishprep/builds/remap.py", "if changes := self.records.differences(start):",
            "if False and (changes := self.records.differences(start)):", ("tests/fishprep/builds/test_remap.py", "-k", "gone_on")),
    # Trainings
    Planted("saved a step too soon", LOOP, "if step % config.save_every == 0 and", "if (step + 1) % config.save_every == 0 and", TRAINED),
    Planted("the log begins anew with each line", JOURNAL, 'open(self.path, "a",', 'open(self.path, "w",', TRAINING),
    Planted("the log is not rewound", "fishfsr/training/run.py", "            around.journal.rewind(position.stage, position.step)\n", "",
            TRAINING),
    Planted("the state of a stage is not saved at its end",
            LOOP, "        self._save()\n        if self.around.ranks.first:\n            draw",
            "        if self.around.ranks.first:\n            draw", TRAINED),
    Planted("leftovers stay (training)", "fishfsr/training/run.py", "        folder.sweep()\n", "", TRAINING),
    Planted("the state before the weights", LOOP, "        self._save_weights(around.folder.last(self.stage.name), {})\n", "", TRAINED),
    Planted("metrics that may be lost", LOOP, "        around.journal.keep()\n", "", TRAINED),
    Planted("metrics written twice on resume", "fishprep/common/logs.py", "strict=False) if keep]",
            "strict=False) if keep is not None]", TRAINING),
    Planted("a line too few on resume", JOURNAL, '(ORDER.index(line["stage"]), line["step"]) <= ',
            '(ORDER.index(line["stage"]), line["step"]) < ',
            TRAINING),
    Planted("a batch too far on resume", LOOP, "self.stream.parts(self.position.step,",
            "self.stream.parts(self.position.step + bool(self.position.step),",
            TRAINING),
    Planted("the optimizer begins anew on resume",
            STATE, '        optimizer.load_state_dict(_optimizer_state(parts["optimizer"], optimizer))\n', "",
            TRAINING),
    Planted("the average begins anew on resume", STATE, '            average.network.load_state_dict(parts["average"])',
            "            pass", TRAINING),
    Planted("the best is forgotten on resume", LOOP, "            self.position = state.position\n",
            "            self.position = replace(state.position, best=None)\n", TRAINING),
    Planted("validated twice on resume", LOOP, "        if validator is None or self.position.validated == step:",
            "        if validator is None:",
            TRAINING),
    Planted("a state that was refused is believed",
            STATE, '            raise CheckpointError(f"{path}: cannot be written: {error}") from error',
            "            pass", TRAINING),
    Planted("other faces are gone on with", EARLIER, 'MUST_AGREE = ("training shards", "init", "FAN")', 'MUST_AGREE = ("init",)', TRAINING),
    Planted("other settings are gone on with", EARLIER, "    changed = earlier.model_copy(update=same).differences(config)\n",
            "    changed: list[str] = []\n", TRAINING),
    Planted("two trainings at once", "fishfsr/training/run.py", "            held.enter_context(locked(folder.path))",
            "            folder.path.mkdir(parents=True, exist_ok=True)", TRAINING),
    Planted("a removed run leaves its state", "fishfsr/training/folder.py", "remove_in_turn(self.files)",
            "remove_in_turn(reversed(self.files))", TRAINED),
    Planted("a parser's log may be lost", "fishprep/parsing/training/run.py", "        keep(self._folder.metrics)\n", "", PARSER),
    Planted("a removed parser's training leaves its state", "fishprep/parsing/training/folder.py",
            "return self.state, self.best, self.last,", "return self.best, self.last, self.state,", PARSER),
    Planted("a damaged line of a log takes away those behind it", "fishprep/common/logs.py",
            "    if any(kept[whole:]):", "    if False:", PARSER),
    # Pictures
    Planted("a row of upscale before its pictures", "fishfsr/upscaling/run.py", " and earlier.sha256 == sha256 and whole",
            " and earlier.sha256 == sha256", (REPLAY, "-k", "upscale")),
    Planted("the journal of upscale goes before its rows are kept", "fishfsr/upscaling/record.py",
            "        write_text(out / FILE,", "        remove_journal(out)\n        write_text(out / FILE,", ORDER),
)  # fmt: skip
