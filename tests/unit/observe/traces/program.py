"""The whole server on the loopback, spoken to over real HTTP and gRPC; and requests to send it."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tejer.envoy.proto import message_class
from tejer.observe.traces.options import Options
from tejer.observe.traces.running import running
from tejer.observe.traces.store.retention import Retention
from tejer.observe.traces.store.store import Store
from tests.e2e.clusters import free_ports

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
T0 = 1_795_000_000_000_000_000
"""A moment in nanoseconds."""
_numbers = itertools.count(1)


class Server:
    def __init__(self, options: Options, store: Store, session: aiohttp.ClientSession) -> None:
        self.options, self.store, self.session = options, store, session

    async def get(self, path: str, **query: str | list[str]) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.options.port}{path}"
        pairs = [(k, one) for k, v in query.items() for one in ([v] if isinstance(v, str) else v)]
        async with self.session.get(url, params=pairs, allow_redirects=False) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == "application/json" else text

    async def post(self, port: int, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Any]:
        url = f"http://127.0.0.1:{port}{path}"
        async with self.session.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.read(), answer.headers

    async def send(self, *spans: dict[str, Any], service: str = "web.default") -> tuple[int, Any]:
        """As OTLP's JSON. The answer's status and JSON."""
        body = json.dumps(otlp_json(*spans, service=service)).encode()
        status, answer, _ = await self.post(self.options.otlp_http, "/v1/traces", body, JSON)
        return status, json.loads(answer)

    async def zipkin(self, *spans: dict[str, Any]) -> tuple[int, str]:
        body = json.dumps(spans).encode()
        status, answer, _ = await self.post(self.options.zipkin, "/api/v2/spans", body, JSON)
        return status, answer.decode()


def options_for(folder: Path, **changes: Any) -> Options:
    query, grpc, http, zipkin = free_ports(4)
    options = Options(
        path=folder / "traces.db", retention=Retention(), host="127.0.0.1", port=query, otlp_grpc=grpc, otlp_http=http,
        zipkin=zipkin, forward="", log_level="INFO",
    )  # fmt: skip
    return options._replace(**changes)


@asynccontextmanager
async def server(folder: Path, **changes: Any) -> AsyncIterator[Server]:
    options = options_for(folder, **changes)
    async with aiohttp.ClientSession() as session, running(options, None) as store:
        yield Server(options, store, session)


def otlp_json(*spans: dict[str, Any], service: str = "web.default") -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "envoy"}, "spans": [*spans]}]}]}


def span(name: str = "GET /", *, trace: str = TRACE, start: int = T0, ms: float = 5, **more: Any) -> dict[str, Any]:
    """One of OTLP's JSON; `tags` become attributes, everything else goes in as it is."""
    tags = more.pop("tags", {})
    return {
        "traceId": trace, "spanId": more.pop("id", f"{next(_numbers):016x}"), "name": name, "kind": 2,
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + int(ms * 1e6)),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in tags.items()], **more,
    }  # fmt: skip


def otlp_request(*names: str, service: str = "web.default", size: int = 0) -> bytes:
    """The same as protobuf; each span has an attribute of `size` bytes."""
    request: Any = message_class("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest")()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = service
    scoped = group.scope_spans.add()
    for name in names:
        one = scoped.spans.add(
            trace_id=bytes.fromhex(TRACE), span_id=next(_numbers).to_bytes(8, "big"), name=name, kind=2,
            start_time_unix_nano=T0, end_time_unix_nano=T0 + 5_000_000,
        )  # fmt: skip
        one.attributes.add(key="payload").value.string_value = "x" * size
        one.attributes.add(key="http.status_code").value.int_value = 200
        listed = one.attributes.add(key="list").value.array_value.values
        listed.add().bool_value = True
        one.events.add(time_unix_nano=T0 + 1000, name="retry").attributes.add(key="attempt").value.int_value = 2
    return bytes(request.SerializeToString())
