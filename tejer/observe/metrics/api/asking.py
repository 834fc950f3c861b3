"""Evaluates queries off the event loop, a few at a time, each with its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import promql_parser as ast

from tejer.observe.metrics.api import results
from tejer.observe.metrics.arrays import Times
from tejer.observe.metrics.promql.engine import Evaluation, is_range_vector, parse
from tejer.observe.metrics.promql.limits import Limits
from tejer.observe.metrics.promql.vectors import QueryError
from tejer.observe.metrics.series import Querier

T = TypeVar("T")
AT_ONCE = 4


class Deadline:
    """`check` raises QueryError once `seconds` are over, or the one who asked has gone."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self.gone = False

    def check(self) -> None:
        if self.gone:
            raise QueryError("query was canceled: the one who asked has gone", "canceled")
        if time.monotonic() > self._until:
            raise QueryError("query timed out in expression evaluation", "timeout")


class Asker:
    """Answers in Prometheus's JSON. Raises QueryError, and ValueError or TimeoutError for a matcher."""

    def __init__(self, querier: Querier, limits: Limits) -> None:
        self.querier, self.limits = querier, limits
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="query")

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def instant(self, query: str, at: int, seconds: float) -> dict[str, Any]:
        return await self._run(lambda deadline: self._instant(query, at, deadline), seconds)

    async def range(self, query: str, start: int, end: int, step: int, seconds: float) -> dict[str, Any]:
        if end < start:
            raise QueryError('invalid parameter "end": end timestamp must not be before start time', "bad_data")
        if step <= 0:
            raise QueryError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
                "Try a positive integer",
                "bad_data",
            )
        if (end - start) // step > self.limits.steps:
            raise QueryError(
                f"exceeded maximum resolution of {self.limits.steps:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)",
                "bad_data",
            )
        steps = np.arange(start, end + 1, step, dtype=np.int64)
        return await self._run(lambda deadline: self._range(query, steps, deadline), seconds)

    async def run(self, work: Callable[[Querier], T]) -> T:
        """`work` in a thread of the queries'."""
        return await self._run(lambda _: work(self.querier), self.limits.timeout)

    async def _run(self, work: Callable[[Deadline], T], seconds: float) -> T:
        deadline = Deadline(min(seconds, self.limits.timeout))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, deadline)
        except asyncio.CancelledError:
            deadline.gone = True
            raise

    def _evaluation(self, steps: Times, deadline: Deadline) -> Evaluation:
        deadline.check()
        return Evaluation(self.querier, steps, self.limits, deadline.check)

    def _instant(self, query: str, at: int, deadline: Deadline) -> dict[str, Any]:
        expression = parse(query)
        evaluation = self._evaluation(np.array([at], np.int64), deadline)
        if is_range_vector(expression):
            return results.samples(evaluation.matrix(expression))
        return results.instant(evaluation.value(expression), at)

    def _range(self, query: str, steps: Times, deadline: Deadline) -> dict[str, Any]:
        expression = parse(query)
        if is_range_vector(expression) or isinstance(expression, ast.StringLiteral):
            kind = "string" if isinstance(expression, ast.StringLiteral) else "range vector"
            raise QueryError(
                f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector', "bad_data"
            )
        return results.matrix(self._evaluation(steps, deadline).value(expression), steps)
