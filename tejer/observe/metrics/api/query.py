"""The query side of Prometheus's HTTP API v1: query, query_range, series, labels, label values.

Source: prometheus.io/docs/prometheus/latest/querying/api. What the engine lacks answers 422, naming it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiohttp import web

from tejer.observe.metrics.api.answer import failure, success
from tejer.observe.metrics.api.asking import Asker
from tejer.observe.metrics.api.parameters import EVER, Parameters, parameters
from tejer.observe.metrics.promql.engine import read_matchers
from tejer.observe.metrics.promql.vectors import QueryError
from tejer.observe.metrics.series import Labels, Querier

Answer = Callable[[Parameters, web.Request], Awaitable[web.Response]]
_STATUS = {"bad_data": 400, "execution": 422, "unsupported": 422, "timeout": 503, "canceled": 499}


def query_routes(asker: Asker, clock: Callable[[], int]) -> list[web.RouteDef]:
    """`clock` gives milliseconds."""

    async def query(given: Parameters, _: web.Request) -> web.Response:
        at = given.time("time", clock())
        return success(await asker.instant(given.needed("query"), at, _seconds(given, asker)))

    async def query_range(given: Parameters, _: web.Request) -> web.Response:
        for name in ("start", "end", "step"):
            given.needed(name)
        start, end, step = given.time("start", 0), given.time("end", 0), given.duration("step") or 0
        return success(await asker.range(given.needed("query"), start, end, step, _seconds(given, asker)))

    async def series(given: Parameters, _: web.Request) -> web.Response:
        if not given.all("match[]"):
            raise QueryError("no match[] parameter provided", "bad_data")
        return success([dict(labels) for labels in (await _found(given))[: given.limit()]])

    async def label_names(given: Parameters, _: web.Request) -> web.Response:
        names = {name for labels in await _found(given) for name, _ in labels}
        return success(sorted(names)[: given.limit()])

    async def label_values(given: Parameters, request: web.Request) -> web.Response:
        wanted = request.match_info["name"]
        values = {value for labels in await _found(given) for name, value in labels if name == wanted}
        return success(sorted(values)[: given.limit()])

    async def _found(given: Parameters) -> Sequence[Labels]:
        selectors = [read_matchers(text) for text in given.all("match[]")] or [()]
        start, end = given.time("start", EVER[0]), given.time("end", EVER[1])

        def find(querier: Querier) -> Iterable[Labels]:
            return dict.fromkeys(
                labels for matchers in selectors for labels in querier.series(matchers, start, end)
            )  # each once

        return sorted(await asker.run(find))

    ask = answering
    return [
        *both("/api/v1/query", ask(query)),
        *both("/api/v1/query_range", ask(query_range)),
        *both("/api/v1/series", ask(series)),
        *both("/api/v1/labels", ask(label_names)),
        web.get("/api/v1/label/{name}/values", ask(label_values)),
    ]


def both(path: str, handler: Callable[[web.Request], Awaitable[web.Response]]) -> tuple[web.RouteDef, web.RouteDef]:
    """Long questions are posted as a form."""
    return web.get(path, handler), web.post(path, handler)


def answering(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Errors become Prometheus's."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return await answer(await parameters(request), request)
        except QueryError as error:
            kind = "execution" if error.kind == "unsupported" else error.kind
            return failure(_STATUS[error.kind], kind, str(error))
        except TimeoutError:
            return failure(503, "timeout", "a regular expression took too long")
        except ValueError as error:
            return failure(400, "bad_data", str(error))
        except MemoryError:
            return failure(422, "execution", "query processing would take more memory than there is")

    return handle


def _seconds(given: Parameters, asker: Asker) -> float:
    timeout = given.duration("timeout")
    return asker.limits.timeout if timeout is None else timeout / 1000
