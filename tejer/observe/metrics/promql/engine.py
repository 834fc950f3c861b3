"""Evaluates PromQL over a `Querier`, as Prometheus 2.42 does; what it lacks raises QueryError by name. Pure.

The syntax tree is promql-parser's. Times are integer milliseconds; a duration in the tree is a timedelta.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import promql_parser as ast

from tejer.observe.metrics.arrays import Times, Values
from tejer.observe.metrics.promql import aggregating, functions, ranges, selecting
from tejer.observe.metrics.promql.binary import ARITHMETIC, COMPARISON, SETS, Matching, operate
from tejer.observe.metrics.promql.limits import Limits, no_check
from tejer.observe.metrics.promql.vectors import (
    NAME,
    QueryError,
    Value,
    Vector,
    all_unnamed,
    empty,
    not_supported,
    stacked,
)
from tejer.observe.metrics.series import Block, Labels, Matcher, Querier

_OPERATORS = (
    (ast.MatchOp.Equal, "="), (ast.MatchOp.NotEqual, "!="), (ast.MatchOp.Re, "=~"), (ast.MatchOp.NotRe, "!~"),
)  # fmt: skip
_PARAMETERS = ("topk", "bottomk", "quantile", "count_values")
_LIMITS = Limits()
_MILLISECOND = datetime.timedelta(milliseconds=1)
DEFAULT_INTERVAL_MS = 60_000
"""The step of a subquery that names none."""


def parse(text: str) -> ast.Expr:
    """Raises QueryError (bad_data) with the parser's words."""
    try:
        return ast.parse(text)
    except ValueError as error:
        if "unknown function with name 'holt_winters'" in str(error):
            raise not_supported("function holt_winters() (now double_exponential_smoothing)") from None
        raise QueryError(f'invalid parameter "query": {error}', "bad_data") from None


def _operator(given: ast.MatchOp) -> str:
    return next(text for operator, text in _OPERATORS if operator == given)  # the parser's enums have no hash


def matchers_of(selector: ast.VectorSelector) -> tuple[Matcher, ...]:
    """The name counts as a matcher. Raises QueryError for `or` between matchers."""
    if selector.matchers.or_matchers:
        raise not_supported("`or` between label matchers")
    found = [Matcher(m.name, _operator(m.op), m.value) for m in selector.matchers.matchers]
    named = [Matcher(NAME, "=", selector.name)] if selector.name else []
    return (*named, *found)


def read_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of a selector such as `up{job="a"}`. Raises QueryError."""
    expression = _bare(parse(text))
    if not isinstance(expression, ast.VectorSelector):
        raise QueryError(f'invalid parameter "match[]": {text[:100]!r} is not a series selector', "bad_data")
    return matchers_of(expression)


def is_range_vector(expression: ast.Expr) -> bool:
    return isinstance(_bare(expression), ast.MatrixSelector | ast.SubqueryExpr)


class Evaluation:
    """One query: `steps` are its times. `check` is called often, and raises QueryError when time is up."""

    def __init__(
        self, querier: Querier, steps: Times, limits: Limits = _LIMITS, check: Callable[[], None] = no_check
    ) -> None:
        self.querier, self.steps, self.limits, self.check = querier, steps, limits, check
        self.first, self.last = int(steps[0]), int(steps[-1])
        self._samples = 0

    def value(self, expression: ast.Expr) -> Value:
        """Raises QueryError. Of a range vector only `matrix` can tell."""
        with np.errstate(all="ignore"):
            return self._at(expression, self.steps)

    def matrix(self, expression: ast.Expr) -> Sequence[selecting.Windows]:
        """The samples of a range vector, for an instant query of one."""
        return list(self._windows(expression, self.steps))

    def _at(self, expression: Any, times: Times) -> Value:
        self.check()
        evaluate = _NODES.get(type(expression))
        if evaluate is None:
            raise QueryError(f"invalid expression type {_kind(expression)} for query", "bad_data")
        return evaluate(self, expression, times)

    def _number(self, expression: Any, times: Times) -> Values:
        return np.full(len(times), float(expression.val))

    def _text(self, expression: Any, _: Times) -> str:
        return str(expression.val)

    def _within(self, expression: Any, times: Times) -> Value:
        return self._at(expression.expr, times)

    def _negated(self, expression: Any, times: Times) -> Value:
        value = self._at(expression.expr, times)
        if isinstance(value, Vector):
            return value.with_values(-value.values).unnamed()
        if isinstance(value, str):
            raise QueryError("unary expression only allowed on expressions of type scalar or vector", "bad_data")
        return -value

    def _selected(self, expression: Any, times: Times) -> Vector:
        at = self._moved(expression, times)
        return selecting.newest(self._blocks(expression, at, selecting.LOOKBACK_MS), at)

    def _moved(self, expression: Any, times: Times) -> Times:
        """The times that `@` and `offset` make of the steps."""
        if (modifier := expression.at) is not None:
            kind = modifier.type
            if kind == ast.AtModifierType.Start:
                fixed = self.first
            elif kind == ast.AtModifierType.End:
                fixed = self.last
            else:
                fixed = round(modifier.at.timestamp() * 1000)
            times = np.full(len(times), fixed)
        return times - _milliseconds(expression.offset) if expression.offset is not None else times

    def _blocks(self, selector: Any, at: Times, before_ms: int) -> Sequence[Block]:
        blocks = self.querier.select(matchers_of(selector), int(at.min()) - before_ms, int(at.max()))
        self._samples += sum(block.values.size for block in blocks)
        if self._samples > self.limits.samples:
            raise QueryError("query processing would load too many samples into memory in query execution")
        self.check()
        return blocks

    def _windows(self, expression: Any, times: Times) -> Sequence[selecting.Windows]:
        if isinstance(expression, ast.ParenExpr):
            return self._windows(expression.expr, times)
        if isinstance(expression, ast.SubqueryExpr):
            return self._subquery(expression, times)
        if not isinstance(expression, ast.MatrixSelector):
            raise QueryError(f"expected type range vector, got {_kind(expression)}", "bad_data")
        range_ms = _milliseconds(expression.range)
        at = self._moved(expression.vector_selector, times)
        return list(selecting.windows(self._blocks(expression.vector_selector, at, range_ms), at, range_ms, self.check))

    def _subquery(self, expression: Any, times: Times) -> Sequence[selecting.Windows]:
        range_ms = _milliseconds(expression.range)
        step = _milliseconds(expression.step) if expression.step is not None else DEFAULT_INTERVAL_MS
        at = self._moved(expression, times)
        begin, end = -(-(int(at.min()) - range_ms) // step) * step, int(at.max())
        if (count := (end - begin) // step + 1) > self.limits.subquery_steps:
            raise QueryError(f"a subquery of {count} steps; at most {self.limits.subquery_steps} are evaluated")
        grid = np.arange(begin, end + 1, step)
        if not len(grid):
            return ()
        value = self._at(expression.expr, grid)
        if isinstance(value, str):
            raise QueryError("subquery is only allowed on instant vector", "bad_data")
        vector = value if isinstance(value, Vector) else Vector([()], value[None], np.ones((1, len(grid)), bool))
        return list(
            selecting.windows([Block(vector.labels, grid, vector.values, vector.present)], at, range_ms, self.check)
        )

    def _aggregated(self, expression: Any, times: Times) -> Vector:
        operator = str(expression.op)
        if operator not in aggregating.SIMPLE and operator not in _PARAMETERS:
            raise not_supported(f"aggregation {operator}")
        modifier = expression.modifier
        names = None if modifier is None else tuple(modifier.labels)
        by = modifier is not None and modifier.type == ast.AggModifierType.By
        vector = self._at(expression.expr, times)
        if not isinstance(vector, Vector):
            raise QueryError(f"expected type instant vector in aggregation {operator}", "bad_data")
        parameter = self._at(expression.param, times) if expression.param is not None else None
        return aggregating.aggregate(operator, vector, aggregating.grouping(names, by=by), parameter)

    def _binary(self, expression: Any, times: Times) -> Value:
        operator, modifier = str(expression.op), expression.modifier
        if operator not in ARITHMETIC and operator not in COMPARISON and operator not in SETS:
            raise not_supported(f"operator {operator}")
        left, right = self._at(expression.lhs, times), self._at(expression.rhs, times)
        as_bool = bool(modifier and modifier.return_bool)
        if operator in COMPARISON and not as_bool and not (isinstance(left, Vector) or isinstance(right, Vector)):
            raise QueryError("comparisons between scalars must use BOOL modifier", "bad_data")
        return operate(operator, left, right, _matching(modifier), as_bool=as_bool)

    def _called(self, expression: Any, times: Times) -> Value:
        name, arguments = expression.func.name, expression.args
        if name in ranges.FUNCTIONS:
            return self._ranged(name, arguments, times)
        if name == "timestamp" and isinstance(_bare(arguments[0]), ast.VectorSelector):
            selector = _bare(arguments[0])
            at = self._moved(selector, times)
            blocks = self._blocks(selector, at, selecting.LOOKBACK_MS)
            return selecting.newest_times(blocks, at).unnamed()
        if name == "timestamp":
            vector = self._vector(arguments[0], times)
            return vector.with_values(np.broadcast_to(times / 1000, vector.values.shape)).unnamed()
        if name == "absent":
            return functions.absent(self._vector(arguments[0], times), _asked(arguments[0]))
        if name == "absent_over_time":
            return functions.absent(self._sampled(arguments[0], times), _asked(arguments[0]))
        if name not in functions.FUNCTIONS:
            raise not_supported(f"function {name}()")
        return functions.FUNCTIONS[name]([self._at(argument, times) for argument in arguments], times)

    def _vector(self, expression: Any, times: Times) -> Vector:
        value = self._at(expression, times)
        if not isinstance(value, Vector):
            raise QueryError(f"expected type instant vector, got {_kind(expression)}", "bad_data")
        return value

    def _ranged(self, name: str, arguments: Sequence[Any], times: Times) -> Vector:
        parameters: list[Values] = []
        found: Sequence[selecting.Windows] = ()
        for argument in arguments:
            if isinstance(_bare(argument), ast.MatrixSelector | ast.SubqueryExpr):
                found = self._windows(argument, times)
                continue
            value = self._at(argument, times)
            if not isinstance(value, np.ndarray):
                raise QueryError(f"expected type scalar in call to function {name}", "bad_data")
            parameters.append(value)
        parts = [
            self._computed(name, window, parameters)
            for window in found
            if len(window.times) >= ranges.NEEDS.get(name, 1)
        ]
        result = stacked(parts, len(times)).pruned()
        if not _one_metric(arguments) and len(set(result.labels)) != len(result.labels):
            raise QueryError("vector cannot contain metrics with the same labelset")
        return result

    def _computed(self, name: str, window: selecting.Windows, parameters: Sequence[Values]) -> Vector:
        self.check()
        values = ranges.FUNCTIONS[name](window, parameters)
        enough = window.counts >= ranges.NEEDS.get(name, 1)
        labels = window.labels if name in ranges.KEEPS_NAME else all_unnamed(window.labels)
        return Vector(labels, values, np.broadcast_to(enough, values.shape))

    def _sampled(self, expression: Any, times: Times) -> Vector:
        """Which series of a range vector have any sample in each window."""
        parts = [
            Vector(window.labels, np.ones((len(window.labels), len(times))),
                   np.broadcast_to(window.counts > 0, (len(window.labels), len(times))))
            for window in self._windows(expression, times)
        ]  # fmt: skip
        return stacked(parts, len(times)) if parts else empty(len(times))


_NODES: Mapping[type, Callable[[Evaluation, Any, Times], Value]] = {
    ast.NumberLiteral: Evaluation._number,
    ast.StringLiteral: Evaluation._text,
    ast.ParenExpr: Evaluation._within,
    ast.UnaryExpr: Evaluation._negated,
    ast.VectorSelector: Evaluation._selected,
    ast.AggregateExpr: Evaluation._aggregated,
    ast.BinaryExpr: Evaluation._binary,
    ast.Call: Evaluation._called,
}
_KINDS = {
    ast.MatrixSelector: "range vector", ast.SubqueryExpr: "range vector", ast.StringLiteral: "string",
    ast.NumberLiteral: "scalar",
}  # fmt: skip


def _kind(expression: Any) -> str:
    return _KINDS.get(type(expression), "instant vector")


def _milliseconds(duration: datetime.timedelta) -> int:
    return duration // _MILLISECOND


def _bare(expression: Any) -> Any:
    while isinstance(expression, ast.ParenExpr):
        expression = expression.expr
    return expression


def _one_metric(arguments: Sequence[Any]) -> bool:
    """Whether the samples are one metric's: without its name they differ still."""
    selectors = [
        bare.vector_selector for argument in arguments if isinstance(bare := _bare(argument), ast.MatrixSelector)
    ]
    return bool(selectors) and all(selector.name for selector in selectors)


def _asked(expression: Any) -> Labels:
    """The labels that `absent` answers with: those that the selector fixes, each once."""
    selector = _bare(expression)
    if isinstance(selector, ast.MatrixSelector):
        selector = selector.vector_selector
    if not isinstance(selector, ast.VectorSelector):
        return ()
    fixed: dict[str, str] = {}
    twice = set()
    for matcher in matchers_of(selector):
        if matcher.name == NAME:
            continue
        if matcher.op == "=" and matcher.name not in fixed:
            fixed[matcher.name] = matcher.value
        else:
            twice.add(matcher.name)
    return tuple(sorted((name, value) for name, value in fixed.items() if name not in twice and value))


def _matching(modifier: Any) -> Matching:
    if modifier is None:
        return Matching()
    many = ""
    if modifier.card == ast.VectorMatchCardinality.ManyToOne:
        many = "left"
    elif modifier.card == ast.VectorMatchCardinality.OneToMany:
        many = "right"
    matching = modifier.matching
    return Matching(
        names=tuple(matching.labels) if matching is not None else (),
        on=matching is not None and matching.type == ast.LabelModifierType.Include,
        many=many,
        include=tuple(modifier.group_labels or ()),
    )
