"""Conditions on the rows of a table, as a user types them: `blur > 40 and abs(yaw) < 30 and status == 'ok'`.

Python's own parser reads them, and nothing of them is run: a name is a column, and what is not in the few lines below is refused.
A comparison with a null is neither true nor false, as in SQL, and a row is chosen only where the whole is true.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fishprep.common.errors import ConfigurationError

MOST_CHARACTERS, MOST_PARTS = 4096, 500
ValueKind = Literal["number", "text", "truth"]

_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: pc.equal,
    ast.NotEq: pc.not_equal,
    ast.Lt: pc.less,
    ast.LtE: pc.less_equal,
    ast.Gt: pc.greater,
    ast.GtE: pc.greater_equal,
}
_COMPUTED: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: pc.add,
    ast.Sub: pc.subtract,
    ast.Mult: pc.multiply,
    ast.Div: pc.divide,
}
_OF_TEXT: Mapping[str, Callable[[Any, str], Any]] = {
    "contains": lambda column, text: pc.match_substring(column, text),
    "startswith": lambda column, text: pc.starts_with(column, text),
    "endswith": lambda column, text: pc.ends_with(column, text),
}


@dataclass(frozen=True)
class Where:
    """A condition. text: as it is recorded, equal for equal conditions however they were spaced. columns: that it reads."""

    text: str
    columns: tuple[str, ...]

    def mask(self, table: pa.Table) -> np.ndarray:
        """(N,) bool: the rows of `table`, which has at least `columns`, of which it is true.

        Raises ConfigurationError where it does not fit the columns.
        """
        found = _Reader(table.schema, self.text).truth(_tree(self.text))(table)
        if isinstance(found, pa.Scalar):
            found = pa.array([found.as_py()] * len(table), pa.bool_())
        mask = pc.fill_null(found, False)
        return np.asarray(mask.to_numpy(zero_copy_only=False) if isinstance(mask, pa.Array) else mask.to_numpy(), bool)


def parse_where(text: str, schema: pa.Schema) -> Where:
    """The condition that `text` is, on tables of `schema`.

    Comparisons (`==`, `!=`, `<`, `<=`, `>`, `>=`, also chained, `in` and `not in` with a list, `is None`, `is not None`) of columns,
    numbers and 'texts', sums and products of numbers, `abs(number)`, `contains(column, 'text')`, `startswith`, `endswith`, with `and`,
    `or`, `not` and brackets. ConfigurationError, which names the part that does not fit, and the columns where one is not known.
    """
    tree = _tree(text)
    reader = _Reader(schema, text)
    reader.truth(tree)
    return Where(ast.unparse(tree), tuple(sorted(reader.used)))


def spelt(text: str) -> str:
    """The one spelling of a condition, whatever table it is for. ConfigurationError where it is none."""
    return ast.unparse(_tree(text))


def _tree(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ConfigurationError(f"--where {text[:40]!r}...: longer than {MOST_CHARACTERS:,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else "cannot be read"
        raise ConfigurationError(
            f"--where {text!r}: no condition ({why}); type it like: blur > 40 and abs(yaw) < 30"
        ) from error
    if sum(1 for _ in ast.walk(tree)) > MOST_PARTS:  # bounds its depth too
        raise ConfigurationError(f"--where {text[:40]!r}...: of more than {MOST_PARTS} parts")
    return tree


@dataclass(frozen=True)
class _Term:
    """What stands on one side of a comparison. of: table → a column or one value."""

    kind: ValueKind
    of: Callable[[pa.Table], Any]
    text: str


class _Reader:
    """Turns an expression into functions of tables; `used` are the columns that it met."""

    def __init__(self, schema: pa.Schema, text: str) -> None:
        self._schema, self._text = schema, text
        self.used: set[str] = set()

    def truth(self, node: ast.expr) -> Callable[[pa.Table], Any]:
        """A condition, as a function of tables. Raises ConfigurationError."""
        match node:
            case ast.BoolOp(op=op, values=values):
                both = pc.and_kleene if isinstance(op, ast.And) else pc.or_kleene
                return _joined(both, [self.truth(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.truth(operand)
                return lambda table: pc.invert(inner(table))
            case ast.Compare():
                return self._compared(node)
            case ast.Call(func=ast.Name(id=name)) if name in _OF_TEXT:
                return self._of_text(node, name)
        term = self._term(node)
        if term.kind != "truth":
            raise self._wrong(f"{term.text} is a {term.kind} and no condition; compare it with something")
        return term.of

    def _compared(self, node: ast.Compare) -> Callable[[pa.Table], Any]:
        sides = [node.left, *node.comparators]
        pairs = zip(sides, node.ops, sides[1:], strict=False)
        return _joined(pc.and_kleene, [self._pair(left, op, right) for left, op, right in pairs])

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Callable[[pa.Table], Any]:
        if isinstance(op, ast.In | ast.NotIn):
            return self._among(left, right, isinstance(op, ast.NotIn))
        nothing = isinstance(right, ast.Constant) and right.value is None
        if isinstance(op, ast.Is | ast.IsNot) or nothing:
            if not nothing or not isinstance(op, ast.Is | ast.IsNot):
                raise self._wrong("nothing is compared like this: type `column is None` or `column is not None`")
            column = self._term(left)
            found = pc.is_null if isinstance(op, ast.Is) else pc.is_valid
            return lambda table: found(column.of(table))
        one, other = self._term(left), self._term(right)
        if one.kind != other.kind:
            raise self._wrong(f"{one.text} is a {one.kind}, {other.text} a {other.kind}")
        if one.kind == "text" and not isinstance(op, ast.Eq | ast.NotEq):
            raise self._wrong(f"{one.text} and {other.text} are texts: compare them by == or !=")
        compare = _COMPARED[type(op)]
        return lambda table: compare(one.of(table), other.of(table))

    def _among(self, left: ast.expr, listed: ast.expr, turned: bool) -> Callable[[pa.Table], Any]:
        if not isinstance(listed, ast.List | ast.Tuple | ast.Set) or not listed.elts:
            raise self._wrong(f"{ast.unparse(listed)} is no list: type it like: status in ['no_face', 'too_small']")
        found = _joined(pc.or_kleene, [self._pair(left, ast.Eq(), value) for value in listed.elts])
        return (lambda table: pc.invert(found(table))) if turned else found

    def _of_text(self, node: ast.Call, name: str) -> Callable[[pa.Table], Any]:
        match node.args:
            case [ast.Name() as column, ast.Constant(value=str(text))] if not node.keywords:
                term = self._term(column)
                if term.kind == "text":
                    return lambda table: _OF_TEXT[name](term.of(table), text)
        raise self._wrong(f"{ast.unparse(node)}: type it like: {name}(path, 'text')")

    def _term(self, node: ast.expr) -> _Term:
        text = ast.unparse(node)
        match node:
            case ast.Name(id=name):
                return self._column(name)
            case ast.Constant(value=bool(value)):
                return _Term("truth", lambda table: pa.scalar(value), text)
            case ast.Constant(value=int(value) | float(value)):
                return _Term("number", lambda table: pa.scalar(float(value)), text)
            case ast.Constant(value=str(value)):
                return _Term("text", lambda table: pa.scalar(value), text)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._computed(pc.negate, text, operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                return self._computed(_COMPUTED[type(op)], text, left, right)
            case ast.Call(func=ast.Name(id="abs"), args=[argument], keywords=[]):
                return self._computed(pc.abs, text, argument)
        raise self._wrong(f"{text} cannot stand here")

    def _computed(self, compute: Callable[..., Any], text: str, *parts: ast.expr) -> _Term:
        terms = [self._term(part) for part in parts]
        for term in terms:
            if term.kind != "number":
                raise self._wrong(f"{term.text} is a {term.kind}, and no number")
        return _Term("number", lambda table: compute(*(term.of(table) for term in terms)), text)

    def _column(self, name: str) -> _Term:
        if name not in self._schema.names:
            raise self._wrong(f"no column {name!r}; there are {', '.join(self._usable())}")
        kind = _kind(self._schema.field(name).type)
        if kind is None:
            raise self._wrong(f"{name} is a list: it cannot be compared")
        self.used.add(name)
        if kind == "number":
            return _Term(kind, lambda table: pc.cast(table.column(name), pa.float64(), safe=False), name)
        return _Term(kind, lambda table: table.column(name), name)

    def _usable(self) -> list[str]:
        return [field.name for field in self._schema if _kind(field.type) is not None]

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"--where {self._text!r}: {why}")


def _kind(kind: pa.DataType) -> ValueKind | None:
    if pa.types.is_boolean(kind):
        return "truth"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    return (
        "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind) else None
    )


def _joined(join: Callable[[Any, Any], Any], parts: list[Callable[[pa.Table], Any]]) -> Callable[[pa.Table], Any]:
    def found(table: pa.Table) -> Any:
        first, *others = parts
        value = first(table)
        for other in others:
            value = join(value, other(table))
        return value

    return found if len(parts) > 1 else parts[0]
