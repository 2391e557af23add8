"""Conditions on rows: held against Python's own evaluation, row by row, and hostile ones are refused in words."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fishprep.common.errors import ConfigurationError
from fishprep.common.where import MOST_CHARACTERS, parse_where

SCHEMA = pa.schema(
    [
        ("status", pa.string()),
        ("blur", pa.float32()),
        ("yaw", pa.float32()),
        ("index", pa.int32()),
        ("box", pa.list_(pa.float32(), 4)),
    ]
)
ROWS = [
    {"status": "ok", "blur": 12.5, "yaw": -31.0, "index": 0, "box": [0.0, 0, 1, 1]},
    {"status": "ok", "blur": 80.0, "yaw": 4.0, "index": 1, "box": None},
    {"status": "no_face", "blur": None, "yaw": None, "index": None, "box": None},
    {"status": None, "blur": 40.0, "yaw": 30.0, "index": 3, "box": None},
]
TABLE = pa.Table.from_pylist(ROWS, SCHEMA)


def chosen(text: str) -> list[int]:
    return parse_where(text, SCHEMA).mask(TABLE).nonzero()[0].tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("blur > 40", [1]),
        ("blur >= 40 and abs(yaw) < 30", [1]),
        ("status == 'ok' and not yaw > 0", [0]),
        ("not blur > 40", [0, 3]),
        ("-40 < yaw < 5", [0, 1]),
        ("status in ['no_face', 'failed']", [2]),
        ("status not in ('no_face',)", [0, 1]),
        ("blur is None", [2]),
        ("index is not None and status is None", [3]),
        ("contains(status, 'fa') or startswith(status, 'o')", [0, 1, 2]),
        ("endswith(status, 'face')", [2]),
        ("blur * 2 - 5 == 20 or index / 3 == 1", [0, 3]),
        ("True", [0, 1, 2, 3]),
        ("yaw == -31", [0]),
    ],
)
def test_rows_of_which_it_is_true(text: str, rows: list[int]) -> None:
    assert chosen(text) == rows


_NUMBERS = st.integers(-50, 90).map(str) | st.sampled_from(["blur", "yaw", "index", "abs(yaw)", "blur + index", "-yaw"])
_PAIRS = st.tuples(_NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _NUMBERS).map(" ".join)
_CONDITIONS = st.recursive(
    _PAIRS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("not ({})".format),
    ),
    max_leaves=6,
)


@given(_CONDITIONS)
@settings(max_examples=150, deadline=None)
def test_as_python_would_say_where_nothing_is_null(text: str) -> None:
    whole = [number for number, row in enumerate(ROWS) if row["blur"] is not None]
    names = {"__builtins__": {}, "abs": abs}
    expected = [number for number in whole if eval(text, names, ROWS[number])]
    found = parse_where(text, SCHEMA).mask(TABLE.take(whole))
    assert [whole[place] for place in found.nonzero()[0]] == expected


def test_equal_conditions_have_one_text_and_name_their_columns() -> None:
    one, other = (parse_where(text, SCHEMA) for text in ("blur>40  and(abs( yaw )<30)", "blur > 40 and abs(yaw) < 30"))
    assert one == other and one.columns == ("blur", "yaw")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sharpness > 3", "no column 'sharpness'; there are status, blur, yaw, index"),
        ("blur > 'much'", "blur is a number, 'much' a text"),
        ("status > 'ok'", "are texts: compare them by == or !="),
        ("status", "status is a text and no condition"),
        ("blur = 3", "no condition"),
        ("", "no condition"),
        ("blur >", "no condition"),
        ("box == 3", "box is a list"),
        ("status == None", "type `column is None`"),
        ("status in 'ok'", "is no list"),
        ("contains(blur, 'x')", "type it like: contains(path, 'text')"),
        ("abs(status) > 1", "status is a text, and no number"),
        ("__import__('os').system('true') == 0", "cannot stand here"),
        ("(lambda: 1)() == 1", "cannot stand here"),
        ("[x for x in status] == 1", "cannot stand here"),
        ("status.upper() == 'OK'", "cannot stand here"),
        ("blur > 10**9**9", "cannot stand here"),
        ("blur > 1e999 and f'{blur}' == 1", "cannot stand here"),
        ("(" * 500 + "1" + ")" * 500 + " > blur", "no condition"),
        ("not " * 1000 + "True", "of more than"),
        ("x" * (MOST_CHARACTERS + 1), "longer than"),
        ("blur > 1\x00", "no condition"),
    ],
)
def test_what_does_not_fit_is_said(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_where(text, SCHEMA)
    assert words in str(caught.value) and str(caught.value).startswith("--where ")
