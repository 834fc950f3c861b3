"""OTLP over HTTP, :4318. `POST /v1/traces` and `POST /v1/logs`, protobuf or JSON, gzip or not.

Answers as the OTLP specification says: 200 with a partial success where some records were refused, 400 for what can't
be decoded, 503 with Retry-After where the store can't take it now. Errors are google.rpc.Status in the format asked in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from aiohttp import hdrs, web
from google.protobuf.message import DecodeError

from tejer.observe.logs.otlp import read_logs
from tejer.observe.traces.doors.body import BadBody, read_body
from tejer.observe.traces.doors.intake import LOGS, SPANS, Busy, Intake
from tejer.observe.traces.doors.otlp import Reading, read_spans
from tejer.observe.traces.doors.otlp_messages import logs_of_json, message, traces_of_json
from tejer.observe.traces.limits import Limits
from tejer.observe.traces.store.writer import StoreError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
DOOR = "otlp-http"
_RETRY_SECONDS = "5"
_INVALID, _TOO_LARGE, _UNAVAILABLE = 3, 8, 14
"""google.rpc.Code"""


class Signal(NamedTuple):
    """One of OTLP's signals: its messages, how JSON is decoded, how records are read, the name of what was refused."""

    what: str
    request: str
    response: str
    of_json: Callable[[bytes], Any]
    read: Callable[[Any, Limits], Reading]
    rejected: str


TRACES = Signal(
    SPANS, "collector.trace.v1.ExportTraceServiceRequest", "collector.trace.v1.ExportTraceServiceResponse",
    traces_of_json, read_spans, "rejected_spans",
)  # fmt: skip
RECORDS = Signal(
    LOGS, "collector.logs.v1.ExportLogsServiceRequest", "collector.logs.v1.ExportLogsServiceResponse",
    logs_of_json, read_logs, "rejected_log_records",
)  # fmt: skip


def otlp_routes(intake: Intake) -> list[web.RouteDef]:
    return [web.post("/v1/traces", _door(TRACES, intake)), web.post("/v1/logs", _door(RECORDS, intake))]


def decode(signal: Signal, content_type: str, body: bytes, limits: Limits) -> Reading:
    """Raises ValueError that says what of the body is wrong."""
    if content_type == JSON:
        return signal.read(signal.of_json(body), limits)
    try:
        return signal.read(message(signal.request).FromString(body), limits)
    except DecodeError as error:
        raise ValueError(f"the body is no {signal.request.rpartition('.')[2]}: {error}") from None


def partial_success(signal: Signal, reading: Reading) -> Any:
    """The response message; empty where all was kept."""
    response = message(signal.response)()
    if reading.refused:
        setattr(response.partial_success, signal.rejected, reading.refused)
        response.partial_success.error_message = reading.message
    return response


def _door(signal: Signal, intake: Intake) -> Callable[[web.Request], Any]:
    async def on_post(request: web.Request) -> web.StreamResponse:
        kind = request.content_type
        if kind not in (PROTOBUF, JSON):
            return _status(JSON, 415, _INVALID, f"Content-Type {kind[:80]!r} is not OTLP: send {PROTOBUF} or {JSON}")
        try:
            with intake.holding() as hold:
                body = await read_body(request, intake.limits, hold)
                reading = await intake.decode(len(body), lambda: decode(signal, kind, body, intake.limits))
                await intake.take(DOOR, signal.what, reading)
        except BadBody as error:
            return _status(kind, error.status, _TOO_LARGE if error.status == 413 else _INVALID, str(error))
        except ValueError as error:
            return _status(kind, 400, _INVALID, str(error))
        except (Busy, StoreError) as error:
            return _status(kind, 503, _UNAVAILABLE, str(error))
        return _success(kind, signal, reading)

    return on_post


def _success(kind: str, signal: Signal, reading: Reading) -> web.Response:
    if kind == PROTOBUF:
        return web.Response(body=partial_success(signal, reading).SerializeToString(), content_type=PROTOBUF)
    answer: dict[str, Any] = {}
    if reading.refused:
        name = "rejectedSpans" if signal is TRACES else "rejectedLogRecords"
        answer = {"partialSuccess": {name: str(reading.refused), "errorMessage": reading.message}}
    return web.Response(body=msgspec.json.encode(answer), content_type=JSON)


def _status(kind: str, status: int, code: int, text: str) -> web.Response:
    headers = {hdrs.RETRY_AFTER: _RETRY_SECONDS} if status == 503 else {}
    if kind == PROTOBUF:
        body = message("google.rpc.Status")(code=code, message=text).SerializeToString()
    else:
        body = msgspec.json.encode({"code": code, "message": text})
    return web.Response(body=body, status=status, content_type=kind, headers=headers)
