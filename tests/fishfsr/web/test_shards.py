"""A build looked through: rows by status and measure, the pixels of the shards."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import fishprep
from fishfsr import ConfigurationError
from fishfsr.web import markup
from fishfsr.web.shards import ShardDesk, ShardQuery
from fishprep.common.errors import ShardError


@pytest.fixture(scope="module")
def desk(build: Path) -> ShardDesk:
    return ShardDesk(build)


def test_faces_are_those_of_the_shards(desk: ShardDesk, build: Path) -> None:
    page = desk.page(ShardQuery())
    assert [row.id for row in page.rows] == ["eileen_collins", "grace_hopper"] and page.total == 2
    html = markup.shards_page(page)
    pictures = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))
        for text in re.findall(r"base64,([^\"]+)", html)
    ]
    with fishprep.open_shards(build) as faces:
        wanted = [face.image(size) for face in faces for size in (128, 64, 32, 16, 8)]
    for image in wanted:
        assert any(np.array_equal(image, shown) for shown in pictures)


def test_rows_are_chosen(desk: ShardDesk) -> None:
    assert desk.counts("status") == {"ok": 2, "undecodable": 1, "no_face": 1}
    dropped = desk.page(ShardQuery("undecodable"))
    assert [row.face for row in dropped.rows] == [None] and dropped.rows[0].reason in markup.shards_page(
        dropped
    ).replace("&#39;", "'")
    skins = [row.measures["skin"] for row in desk.page(ShardQuery(measure="skin")).rows]
    assert skins == sorted(skins) and len(skins) == 2
    middle = sum(skins) / 2
    assert [row.measures["skin"] for row in desk.page(ShardQuery(measure="skin", lowest=middle)).rows] == skins[1:]
    assert [row.measures["skin"] for row in desk.page(ShardQuery(measure="skin", highest=middle)).rows] == skins[:1]
    assert desk.page(ShardQuery(split="val")).total == 0 and desk.page(ShardQuery(page=99)).page == 0


def test_what_is_no_build_is_refused(build: Path, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="no shards"):
        ShardDesk(tmp_path)
    (tmp_path / "train-00000.h5").write_bytes(next(build.glob("*.h5")).read_bytes())
    with pytest.raises(ConfigurationError, match=r"samples\.parquet"):
        ShardDesk(tmp_path)
