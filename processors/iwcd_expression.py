"""Selection by an expression over event columns, parsed and never executed as code.

Allowed: names of columns, numbers, + - * /, comparisons (chained ones too), ``and``, ``or``, ``not``, and the comparison of a text column with a
quoted word: ``nhits > 25 and (dwall > 50 or not veto) and particle != "mu-"``.
"""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
ADVICE = 'write comparisons of event columns joined by and, or, not, e.g. "nhits > 25 and dwall > 50"'


@dataclass(frozen=True)
class Expression:
    """A parsed selection; ``names``: the columns that it needs, in the order in which they appear."""

    text: str
    names: tuple[str, ...]

    def mask(self, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Which events are kept, from columns (n,). A comparison with NaN is false. ``InputError`` for a column that is absent or of no use."""
        for name in self.names:
            if name not in columns:
                raise InputError(f"selection {self.text!r}: these events have no column {name!r}{nearest(name, columns)}")
        length = len(next(iter(columns.values()), ()))
        with np.errstate(divide="ignore", invalid="ignore"):  # a quotient by zero is infinite or NaN, as in the columns themselves
            kept = _truth(_tree(self.text), columns, self.text)
        return np.broadcast_to(kept, (length,)).copy()


def parse(text: str, known: Collection[str]) -> Expression:
    """Check an expression against the names of columns that there can be. Raises ``InputError`` naming what is wrong and the nearest name.

    >>> parse("nhits > 25 and dwall / 10 > 5", ["nhits", "dwall"]).names
    ('nhits', 'dwall')
    """
    tree = _tree(text)
    found = sorted((node.lineno, node.col_offset, node.id) for node in ast.walk(tree) if isinstance(node, ast.Name))
    names = tuple(dict.fromkeys(name for _, _, name in found))
    for name in names:
        if name not in known:
            raise InputError(f"selection {text!r}: no event column {name!r}{nearest(name, known)}")
    _check(tree, text)
    return Expression(text, names)


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"selection {text!r}: not an expression ({error}); {ADVICE}") from None


def _check(node: ast.expr, text: str) -> None:
    """Refuse everything that does not say yes or no: comparisons of values, names of flags, and/or/not of these."""
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif isinstance(node, ast.Compare) and all(type(sign) in COMPARISONS for sign in node.ops):
        for part in (node.left, *node.comparators):
            _check_value(part, text)
    elif not isinstance(node, ast.Name):
        _refuse(node, text)


def _check_value(node: ast.expr, text: str) -> None:
    """Refuse everything that is no value: names, numbers, words, + - * / of these."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        _check_value(node.left, text)
        _check_value(node.right, text)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        _check_value(node.operand, text)
    elif not isinstance(node, ast.Name) and not (isinstance(node, ast.Constant) and isinstance(node.value, int | float | str)):
        _refuse(node, text)


def _refuse(node: ast.expr, text: str) -> None:
    raise InputError(f"selection {text!r}: {ast.unparse(node)!r} is not allowed here; {ADVICE}")


def _truth(node: ast.expr, columns: Mapping[str, NDArray[Any]], text: str) -> Any:
    if isinstance(node, ast.BoolOp):
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return functools.reduce(join, [_truth(part, columns, text) for part in node.values])
    if isinstance(node, ast.UnaryOp):
        return np.logical_not(_truth(node.operand, columns, text))
    if isinstance(node, ast.Compare):
        values = [_value(part, columns, text) for part in (node.left, *node.comparators)]
        pairs = zip(node.ops, values[:-1], values[1:], strict=True)
        return functools.reduce(np.logical_and, [_compared(sign, left, right, text) for sign, left, right in pairs])
    assert isinstance(node, ast.Name)
    if columns[node.id].dtype != bool:
        raise InputError(f"selection {text!r}: {node.id!r} is no yes or no; compare it with something, e.g. {node.id} > 0")
    return columns[node.id]


def _compared(sign: ast.cmpop, left: Any, right: Any, text: str) -> Any:
    if _is_text(left) != _is_text(right) or (_is_text(left) and not isinstance(sign, ast.Eq | ast.NotEq)):
        raise InputError(f'selection {text!r}: words compare with words by == and != only, e.g. particle == "e-"')
    return COMPARISONS[type(sign)](left, right)


def _value(node: ast.expr, columns: Mapping[str, NDArray[Any]], text: str) -> Any:
    if isinstance(node, ast.Name):
        return columns[node.id]
    if isinstance(node, ast.Constant):
        return np.asarray(node.value)
    parts = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right] if isinstance(node, ast.BinOp) else []
    values = [_value(part, columns, text) for part in parts]
    if any(_is_text(value) for value in values):
        raise InputError(f"selection {text!r}: words cannot be calculated with; {ADVICE}")
    numbers = [value.astype(np.float64) for value in values]
    return SIGNS[type(node.op)](*numbers) if isinstance(node, ast.UnaryOp) else ARITHMETIC[type(node.op)](*numbers)  # type: ignore[attr-defined]


def _is_text(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "U"
