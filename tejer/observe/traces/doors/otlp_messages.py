"""OTLP's messages. Protobuf: classes from the descriptors that Envoy carries, for it speaks OTLP itself. JSON: Structs
of the same shape and names, so that one reader serves both.

Source: opentelemetry-proto, collector/{trace,logs}/v1 and the JSON mapping of the OTLP specification (ids in hex,
64-bit numbers as text or number, enums as numbers).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from tejer.envoy.descriptors import EnvoyPool, envoy_path, load_files

_FILES = ("opentelemetry/", "google/rpc/status", "google/protobuf/any")


@cache
def _pool() -> EnvoyPool:
    """OpenTelemetry's files only: the hundreds of Envoy's own would cost megabytes that are never used."""
    files = [file for file in load_files(envoy_path()) if file.name.startswith(_FILES)]
    for file in files:
        _leave_attributes_packed(file)
    return EnvoyPool(files)


def _leave_attributes_packed(file: FileDescriptorProto) -> None:
    """`repeated KeyValue attributes` becomes `repeated bytes`, which is the same on the wire.

    A span has a dozen or more, nearly all seen before: as bytes they are a key to what they decoded to the last time
    (`doors/otlp.py`), which takes 0.2 µs instead of 3.
    """

    def visit(kind: DescriptorProto) -> None:
        for field in kind.field:
            if field.name == "attributes":
                field.type = FieldDescriptorProto.TYPE_BYTES
                field.ClearField("type_name")
        for nested in kind.nested_type:
            visit(nested)

    for kind in file.message_type:
        visit(kind)


@cache
def message(name: str) -> Any:
    """`message("collector.trace.v1.ExportTraceServiceRequest")`: the class. Raises KeyError for an Envoy without it."""
    full_name = name if name.startswith("google.") else f"opentelemetry.proto.{name}"
    kind: type[Message] = message_factory.GetMessageClass(_pool().message(full_name))
    return kind


class HexId(bytes):
    """An id of OTLP's JSON: hex digits."""


class _Json(msgspec.Struct, rename="camel", gc=False):
    pass


class AnyValue(_Json):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | None = None
    double_value: float | None = None
    bytes_value: bytes | None = None
    array_value: ArrayValue | None = None
    kvlist_value: KeyValueList | None = None

    def WhichOneof(self, _: str) -> str | None:
        return next((name for name in self.__struct_fields__ if getattr(self, name) is not None), None)


class ArrayValue(_Json):
    values: list[AnyValue] = []


class KeyValue(_Json):
    key: str = ""
    value: AnyValue = msgspec.field(default_factory=AnyValue)


class KeyValueList(_Json):
    values: list[KeyValue] = []


class Resource(_Json):
    attributes: list[KeyValue] = []


class Scope(_Json):
    name: str = ""


class Event(_Json):
    time_unix_nano: int = 0
    name: str = ""
    attributes: list[KeyValue] = []


class Link(_Json):
    trace_id: HexId = HexId()
    span_id: HexId = HexId()
    attributes: list[KeyValue] = []


class Status(_Json):
    code: int = 0
    message: str = ""


class Span(_Json):
    trace_id: HexId = HexId()
    span_id: HexId = HexId()
    parent_span_id: HexId = HexId()
    trace_state: str = ""
    name: str = ""
    kind: int = 0
    start_time_unix_nano: int = 0
    end_time_unix_nano: int = 0
    attributes: list[KeyValue] = []
    events: list[Event] = []
    links: list[Link] = []
    status: Status = msgspec.field(default_factory=Status)


class ScopeSpans(_Json):
    scope: Scope = msgspec.field(default_factory=Scope)
    spans: list[Span] = []


class ResourceSpans(_Json):
    resource: Resource = msgspec.field(default_factory=Resource)
    scope_spans: list[ScopeSpans] = []


class TraceRequest(_Json):
    resource_spans: list[ResourceSpans] = []


class LogRecord(_Json):
    time_unix_nano: int = 0
    observed_time_unix_nano: int = 0
    severity_text: str = ""
    body: AnyValue = msgspec.field(default_factory=AnyValue)
    attributes: list[KeyValue] = []
    trace_id: HexId = HexId()
    span_id: HexId = HexId()


class ScopeLogs(_Json):
    scope: Scope = msgspec.field(default_factory=Scope)
    log_records: list[LogRecord] = []


class ResourceLogs(_Json):
    resource: Resource = msgspec.field(default_factory=Resource)
    scope_logs: list[ScopeLogs] = []


class LogsRequest(_Json):
    resource_logs: list[ResourceLogs] = []


def _from_hex(kind: type, value: Any) -> Any:
    if kind is HexId and isinstance(value, str):
        return HexId(bytes.fromhex(value))  # msgspec adds the place to its ValueError
    raise NotImplementedError(kind)


_traces = msgspec.json.Decoder(TraceRequest, strict=False, dec_hook=_from_hex)
_logs = msgspec.json.Decoder(LogsRequest, strict=False, dec_hook=_from_hex)


def traces_of_json(body: bytes) -> TraceRequest:
    """Raises ValueError that names the field."""
    found: TraceRequest = _bounded(_traces, body)
    return found


def logs_of_json(body: bytes) -> LogsRequest:
    """Raises ValueError that names the field."""
    found: LogsRequest = _bounded(_logs, body)
    return found


def _bounded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise ValueError("values are nested too deep") from None
