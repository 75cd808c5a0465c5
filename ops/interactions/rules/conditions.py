"""Conditions of rules: texts such as ``distance_m < 1.2 and speed_m_s < meet_speed_m_s``.

A condition compares primitives, parameters of ``interactions`` and numbers, joined by ``and``, ``or`` and ``not``. It
is parsed by Python's own grammar, of which nothing else is accepted, so a site's file cannot run code.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ops.interactions.params import InteractionsParams
from ops.interactions.rules.alone import PRIMITIVES
from ops.interactions.rules.pairs import Pairs
from schemas.errors import SiteError
from schemas.values import Bools, Float64

_COMPARED: Mapping[type, Callable[[Float64, Float64], Bools]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_ARITHMETIC: Mapping[type, Callable[[Float64, Float64], Float64]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes:
        text: as written.
        names: primitives that it reads, in order of appearance.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr
    _params: InteractionsParams

    def holds(self, pairs: Pairs) -> tuple[Bools, Float64]:
        """Returns for each pair whether the condition holds, and how likely it does, 0..1.

        A comparison of a value that has a standard deviation is as likely as a normal variable is on that side of the
        limit; others are sure. The parts of an ``and`` are as likely as the least likely of them.
        """
        return self._truth(self._tree, pairs)

    def _truth(self, node: ast.expr, pairs: Pairs) -> tuple[Bools, Float64]:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return self._all(node.values, pairs)
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(value, pairs) for value in node.values]
            return np.any([held for held, _ in parts], axis=0), np.max([sure for _, sure in parts], axis=0)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            held, sure = self._truth(node.operand, pairs)
            return ~held, 1 - sure
        assert isinstance(node, ast.Compare)
        return self._compared(node, pairs)

    def _all(self, nodes: list[ast.expr], pairs: Pairs) -> tuple[Bools, Float64]:
        """Returns where all parts hold: each is computed only where the ones before it hold."""
        held, sure = np.zeros(len(pairs), np.bool_), np.zeros(len(pairs))
        rows, left, least = np.arange(len(pairs)), pairs, np.ones(len(pairs))
        for node in nodes:
            here, likely = self._truth(node, left)
            kept = np.flatnonzero(here)
            least = np.minimum(least[kept], likely[kept])
            rows, left = rows[kept], left.take(kept)
        held[rows], sure[rows] = True, least
        return held, sure

    def _compared(self, node: ast.Compare, pairs: Pairs) -> tuple[Bools, Float64]:
        held, sure = np.ones(len(pairs), np.bool_), np.ones(len(pairs))
        sides = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
            low, high = self._value(left, pairs), self._value(right, pairs)
            here = _COMPARED[type(operator)](low, high)
            held &= here
            sure = np.minimum(sure, self._likely(here, left, right, high - low, pairs))
        return held, np.where(np.isnan(sure), 0.0, sure)

    def _likely(self, here: Bools, left: ast.expr, right: ast.expr, gap: Float64, pairs: Pairs) -> Float64:
        sigmas = [
            PRIMITIVES[side.id].sigma for side in (left, right) if isinstance(side, ast.Name) and side.id in PRIMITIVES
        ]
        known = [sigma for sigma in sigmas if sigma is not None]
        if not known:
            return here.astype(np.float64)
        spread = np.maximum(known[0](pairs), 1e-9)
        from scipy.special import ndtr

        likely: Float64 = ndtr(np.abs(gap) / spread)
        return np.where(here, likely, 1 - likely)

    def _value(self, node: ast.expr, pairs: Pairs) -> Float64:
        if isinstance(node, ast.Constant):
            return np.full(len(pairs), float(node.value))  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            if node.id in PRIMITIVES:
                return PRIMITIVES[node.id].value(pairs)
            return np.full(len(pairs), float(getattr(self._params, node.id)))
        if isinstance(node, ast.UnaryOp):
            return -self._value(node.operand, pairs)
        assert isinstance(node, ast.BinOp)
        return _ARITHMETIC[type(node.op)](self._value(node.left, pairs), self._value(node.right, pairs))


def parse_condition(text: str, params: InteractionsParams, alone: bool) -> Condition:
    """Parses a condition.

    Args:
        alone: it is about a subject without an object.

    Raises:
        SiteError: it is no condition, or knows a name that does not exist; the message says which exist.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise SiteError(f"condition {text!r} cannot be read: {error.msg}") from error
    _check(tree, text)
    names = tuple(dict.fromkeys(_names(tree)))
    numbers = [name for name, value in vars(params).items() if isinstance(value, float)]
    for name in names:
        if name in PRIMITIVES and alone and not PRIMITIVES[name].alone:
            raise SiteError(f"condition {text!r}: {name} needs an object; name its classes as `object`")
        if name not in PRIMITIVES and name not in numbers:
            known = [key for key, primitive in PRIMITIVES.items() if primitive.alone or not alone]
            raise SiteError(f"condition {text!r} has an unknown name {name!r}; there are {', '.join(known)}")
    return Condition(text, tuple(name for name in names if name in PRIMITIVES), tree, params)


def _check(node: ast.expr, text: str) -> None:
    """Checks that a truth value is made of comparisons.

    Raises:
        SiteError: it is not.
    """
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            _check(value, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, text)
    elif isinstance(node, ast.Compare) and all(type(operator) in _COMPARED for operator in node.ops):
        for side in (node.left, *node.comparators):
            _check_value(side, text)
    else:
        raise _unusable(node, text)


def _check_value(node: ast.expr, text: str) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        _check_value(node.left, text)
        _check_value(node.right, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check_value(node.operand, text)
    elif not isinstance(node, ast.Name) and not (
        isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
    ):
        raise _unusable(node, text)


def _unusable(node: ast.expr, text: str) -> SiteError:
    return SiteError(
        f"condition {text!r}: {ast.unparse(node)!r} is no comparison of names and numbers; write such as "
        "'distance_m < 1.5 and speed_m_s < 0.5'"
    )


def _names(tree: ast.expr) -> Iterator[str]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    yield from (node.id for node in sorted(found, key=lambda node: node.col_offset))
