"""The page as a browser reads it: self-contained, nothing from outside runs, everything is counted and shown."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fishcli.report import report
from small_build import Sample, Written, dropped_row, face

from fishprep.builds.names import CONFIGURATION, MANIFEST, SAMPLES
from fishprep.common.errors import BuildError, FishPrepError, ShardError
from fishprep.common.status import Status
from fishprep.reports import ReportSettings, duplicates, write_report

EVIL = "<script>alert(1)</script>\n\" onload='x' \\xff {{ 7*7 }} \u202e"


class Page(HTMLParser):
    """Tags with their attributes, the text, and the scripts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attributes}))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts.append(data)
        elif self._open != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]


def page_of(folder: Path, settings: ReportSettings | None = None) -> tuple[str, Page]:
    path = folder / "report.html"
    write_report(folder, path, settings or ReportSettings())
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_nothing_is_fetched(built: Written) -> None:
    text, page = page_of(built.folder)
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/webp;base64,")), (tag, name)
    assert "url(" not in text and "@import" not in text
    assert page.all("img") and page.all("meta", name="viewport")


def test_only_the_pages_own_script_can_run(build: Callable[..., Written]) -> None:
    built = build(
        [Sample(EVIL, face(), backend=EVIL)],
        [dropped_row(f"d{EVIL}", Status.NO_FACE, EVIL, licence=EVIL), dropped_row(f"e{EVIL}", Status.NO_FACE, "other")],
        notes=[EVIL],
        versions={EVIL: EVIL},
        source={"root": f"/{EVIL}", "kind": EVIL},
    )
    text, page = page_of(built.folder)
    assert len(page.all("script")) == 1 and "alert(1)" not in "".join(page.scripts)
    policy = next(
        found["content"]
        for found in page.all("meta")
        if "content-security-policy" in found.get("http-equiv", "").lower()
    )
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert policy.startswith("default-src 'none'") and f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "\u202e" not in text
    assert r"\u202e" in page.text and "{{ 7*7 }}" in page.text
    shown = "<script>alert(1)</script>\\n"
    assert page.text.count(shown) >= 6
    facts = [found["data-facts"] for found in page.all("button") if "data-facts" in found]
    assert any(fact.startswith(shown) for fact in facts)


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("all go into `train` and `val`", "all go into <code>train</code> and <code>val</code>"),
        ("a file `x", "a file `x"),
        ("`a` and `b", "<code>a</code> and `b"),
        ("`<script>`", "<code>&lt;script&gt;</code>"),
        ("none", "none"),
    ],
)
def test_what_stands_between_backticks_is_code(note: str, shown: str, build: Callable[..., Written]) -> None:
    text, _ = page_of(build([Sample("a", face())], [], notes=[note]).folder)
    assert f'<p class="say">{shown}</p>' in text


def test_every_status_backend_and_reason_is_there(built: Written) -> None:
    _, page = page_of(built.folder)
    for expected in (
        "12 faces from 16 photos",
        "75.0% of the photos kept",
        "9 train",
        "3 test",
        "4 dropped",
        "ok kept 12 75.0%",
        "no_face no face was found 2 12.5%",
        "dlib-known-place 3",
        "cut short",
        "not believed: blazeface, score 0.31",
        "not to be seen any more",
        "the build could not read it",
        "CC0 12 100%",
        "CC0-1.0 file trained on iBUG 300-W",
        "not a file on record",
        "a note for the user",
        "No near-duplicate across splits among 12 faces",
        "No person is in two splits",
    ):
        assert expected in page.text, expected
    assert [found["value"] for found in page.all("button") if "value" in found] == [
        "",
        "ok",
        "no_face",
        "missing",
        "undecodable",
    ]


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        (
            ["2 photos not named in s.txt", "1 file of other formats (1 .gif)"],
            "Left out: 2 photos not named in s.txt, 1 f",
        ),
        (2, "Left out: 2 photos in no split"),  # a build from before reasons were stored
    ],
)
def test_what_was_left_out_is_said(build: Callable[..., Written], recorded: object, words: str) -> None:
    written = build([Sample("a", face())], left_out=recorded)
    assert words in page_of(written.folder)[1].text


def test_all_second_tries_are_shown_up_to_a_limit(built: Written) -> None:
    assert "dlib-known-place 3 The detector missed" in page_of(built.folder)[1].text
    assert "dlib-known-place 2 of 3 The detector" in page_of(built.folder, ReportSettings(second_tries=2))[1].text


def test_samples_are_limited_and_seeded(built: Written) -> None:
    few = ReportSettings(faces_per_split=3, second_tries=0, extremes=0)
    text, page = page_of(built.folder, few)
    assert "train 3 of 9" in page.text and "test 3" in page.text
    assert len([found for found in page.all("svg") if found.get("viewbox") == "-0.5 -0.5 128 128"]) == 6
    assert page_of(built.folder, few)[0] == text
    others = {page_of(built.folder, replace(few, seed=seed))[0] for seed in range(1, 5)}
    assert len(others - {text}) > 1


def test_a_pair_across_splits_is_flagged(build: Callable[..., Written]) -> None:
    darker = (face() * 0.8).astype(np.uint8)
    built = build(
        [Sample("a", face(), identity="x"), Sample("b", darker, "test", identity="x"), Sample("c", face(noise=3))]
    )
    text, page = page_of(built.folder)
    assert "1 near-duplicate across splits" in page.text and "1 pair, 1 across splits" in page.text
    assert "1 person is in more than one split" in page.text
    assert 'class="across"' in text and "both in" not in page.text


def test_a_search_that_ended_early_promises_nothing(
    build: Callable[..., Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MOST_CANDIDATES", 2)
    _, page = page_of(build([Sample(f"{i}", face()) for i in range(4)]).folder)
    assert "whether some are in two splits is not known" in page.text
    assert "No near-duplicate" not in page.text and "after 2 likely pairs" in page.text


def test_a_build_that_kept_nothing(build: Callable[..., Written]) -> None:
    built = build([], [dropped_row("a", Status.MISSING, "not on the disk")])
    _, page = page_of(built.folder)
    assert "0 faces from 1 photos" in page.text and "0.0% of the photos kept" in page.text
    assert "missing named in a list" in page.text and "Kept faces" not in page.text


def test_retries_are_listed(built: Written) -> None:
    path = built.folder / MANIFEST
    manifest = json.loads(path.read_text())
    retry = {
        "statuses": ["no_face"],
        "overrides": {"thorough": True},
        "photos": ["sky", "gone"],
        "specs": [["train", 0]],
        "configuration": {"weights": {"cnn.dat": "1" * 64}},
    }
    path.write_text(json.dumps(manifest | {"retries": [retry]}))
    _, page = page_of(built.folder)
    assert "no_face 2 thorough: true 9" in page.text and "cnn.dat" in page.text


def test_a_report_stands_until_the_next_one_is_whole(built: Written) -> None:
    text, _ = page_of(built.folder)
    shard = built.folder / "train-00000.h5"
    shard.write_bytes(shard.read_bytes()[:-5000])
    with pytest.raises(ShardError):
        page_of(built.folder)
    assert (built.folder / "report.html").read_text(encoding="utf-8") == text
    assert not list(built.folder.glob(".*.tmp"))


@pytest.mark.parametrize("damage", [MANIFEST, CONFIGURATION, SAMPLES])
def test_damaged_or_missing_files_are_named(built: Written, damage: str) -> None:
    for content in (None, b"", b"{}", b"[1]", b'{"configuration": {"source": 3}, "source": 1}'):
        (built.folder / damage).unlink(missing_ok=True)
        if content is not None:
            (built.folder / damage).write_bytes(content)
        with pytest.raises(FishPrepError):
            page_of(built.folder)
    assert not (built.folder / "report.html").exists()


def test_where_the_page_cannot_be_written(built: Written) -> None:
    with pytest.raises(BuildError, match="cannot be written"):
        write_report(built.folder, built.folder / "none" / "report.html", ReportSettings())


def test_the_command(built: Written, tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(report, [str(built.folder)])
    assert done.exit_code == 0 and done.output.startswith(str(built.folder / "report.html"))
    elsewhere = tmp_path / "x.html"
    assert runner.invoke(report, [str(built.folder), "--html", str(elsewhere)]).exit_code == 0
    assert elsewhere.read_bytes() == (built.folder / "report.html").read_bytes()
    assert "fishprep report shards" in runner.invoke(report, ["--help"]).output
