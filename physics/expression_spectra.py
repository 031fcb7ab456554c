"""A spectrum written as a formula in the configuration: parsed as arithmetic, never executed as code.

Allowed: ``E`` (energy in GeV), the names of the parameters, numbers, ``+ - * / **``, signs, parentheses and the functions of ``FUNCTIONS``:
``(E / 1e5)**-astro_gamma * exp(-E / (1e6 * cut))``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError, nearest
from physics.spectra import ShapeParameter

Array = NDArray[np.float64]

ENERGY = "E"
LONGEST = 500  # letters
DEEPEST = 60  # levels of parentheses and operators
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: np.true_divide, ast.Pow: np.power,
}  # fmt: skip
SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {"exp": np.exp, "log": np.log, "log10": np.log10, "sqrt": np.sqrt, "tanh": np.tanh, "abs": np.abs}
ADVICE = f"write a flux over E in GeV with + - * / ** and {', '.join(FUNCTIONS)}, e.g. (E / 1e5)**-astro_gamma * exp(-E / (1e6 * cut))"


@dataclass(frozen=True)
class ExpressionFlux:
    """A flux (of any norm) by a formula of ``E`` and ``parameters``; built by ``parse``, picklable. Only its shape matters."""

    text: str
    parameters: tuple[ShapeParameter, ...]

    def flux(self, energy_gev: Array, theta: Array) -> Array:
        """Flux at ``energy_gev`` (n,) for ``theta`` (parameters,); infinite or NaN where the formula has no value."""
        values: dict[str, Any] = {ENERGY: energy_gev, **{one.name: np.float64(value) for one, value in zip(self.parameters, theta, strict=True)}}
        with np.errstate(all="ignore"):  # whoever asks refuses what is not positive and finite
            found = _value(_tree(self.text), values)
        return np.broadcast_to(np.asarray(found, dtype=float), np.shape(energy_gev)).copy()


def parse(text: str, parameters: Sequence[ShapeParameter]) -> ExpressionFlux:
    """Check a formula; raises ``InputError`` naming what is not allowed, a name that is unknown or a parameter that does not occur.

    >>> flux = parse("(E / 1e5)**-g", [ShapeParameter("g", 2.0, 1.0, 5.0)])
    >>> flux.flux(np.array([1e5, 1e6]), np.array([2.0])).tolist()
    [1.0, 0.01]
    """
    known = [one.name for one in parameters]
    for name in known:
        if name == ENERGY or name in FUNCTIONS or not name.isidentifier():
            raise InputError(f"expression {text!r}: a parameter cannot be called {name!r}, that is no free name; choose another")
    if len(text) > LONGEST:
        raise InputError(f"expression of {len(text)} letters: at most {LONGEST}; use model.class for a spectrum of that size")
    tree = _tree(text)
    _check(tree, text, [ENERGY, *known], 0)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for name in (ENERGY, *known):
        if name not in used:
            what = "the energy E" if name == ENERGY else f"the parameter {name!r}"
            raise InputError(f"expression {text!r}: {what} does not occur in it; {ADVICE}")
    return ExpressionFlux(text, tuple(parameters))


def _tree(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else error
        raise InputError(f"expression {text!r}: not a formula ({reason}); {ADVICE}") from None


def _check(node: ast.expr, text: str, known: Sequence[str], depth: int) -> None:
    """Refuse everything that is not arithmetic of known names."""
    if depth > DEEPEST:
        raise InputError(f"expression {text!r}: nested more than {DEEPEST} deep; use model.class for such a spectrum")
    if isinstance(node, ast.Name):
        if node.id not in known:
            raise InputError(f"expression {text!r}: {node.id!r} is neither E nor a parameter (model.shape){nearest(node.id, known)}")
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        for part in _parts(node, text):
            _check(part, text, known, depth + 1)


def _parts(node: ast.expr, text: str) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp) and type(node.op) in SIGNS:
        return [node.operand]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1 and not node.keywords:
        if node.func.id in FUNCTIONS:
            return list(node.args)
        raise InputError(f"expression {text!r}: no function {node.func.id!r}{nearest(node.func.id, FUNCTIONS)}; {ADVICE}")
    raise InputError(f"expression {text!r}: {ast.unparse(node)!r} is not allowed here; {ADVICE}")


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    """Value of a checked node; numbers are floats throughout, so that no power of integers grows without end."""
    if isinstance(node, ast.Name):
        return values[node.id]
    if isinstance(node, ast.Constant):
        return np.float64(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return SIGNS[type(node.op)](_value(node.operand, values))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return FUNCTIONS[node.func.id](_value(node.args[0], values))
