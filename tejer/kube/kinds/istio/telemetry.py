"""Telemetry: metrics, traces and access logs of workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import DURATION, NULLABLE, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class Filter(Kind, frozen=True, kw_only=True):
    """A CEL expression that chooses which requests are logged."""

    expression: str = ""


class LogSelector(Kind, frozen=True, kw_only=True):
    """The side that logs."""

    mode: Annotated[str, enum("CLIENT_AND_SERVER", "CLIENT", "SERVER")] = ""


class ProviderRef(Kind, frozen=True, kw_only=True):
    """A provider of the mesh configuration, by name."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    name: Annotated[str, schema(min_length=1)] = ""


class AccessLogging(Kind, frozen=True, kw_only=True):
    """Where access logs go."""

    disabled: Annotated[bool | None, NULLABLE] = None
    filter: Filter | None = None
    match: LogSelector | None = None
    providers: tuple[ProviderRef, ...] = ()


class MetricSelector(Kind, frozen=True, kw_only=True):
    """The metric an override is for."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("metric", "customMetric"),))

    custom_metric: Annotated[str, schema(min_length=1)] = ""
    metric: Annotated[
        str,
        enum(
            "ALL_METRICS",
            "REQUEST_COUNT",
            "REQUEST_DURATION",
            "REQUEST_SIZE",
            "RESPONSE_SIZE",
            "TCP_OPENED_CONNECTIONS",
            "TCP_CLOSED_CONNECTIONS",
            "TCP_SENT_BYTES",
            "TCP_RECEIVED_BYTES",
            "GRPC_REQUEST_MESSAGES",
            "GRPC_RESPONSE_MESSAGES",
        ),
    ] = ""
    mode: Annotated[str, enum("CLIENT_AND_SERVER", "CLIENT", "SERVER")] = ""


class TagOverride(Kind, frozen=True, kw_only=True):
    """A label of a metric set by an expression, or removed."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                '((has(self.operation) ? self.operation : "") == "UPSERT") ? (self.value != "") : true',
                "value must be set when operation is UPSERT",
            ),
            rule(
                '((has(self.operation) ? self.operation : "") == "REMOVE") ? !has(self.value) : true',
                "value must not be set when operation is REMOVE",
            ),
        )
    )

    operation: Annotated[str, enum("UPSERT", "REMOVE")] = ""
    value: str = ""


class MetricsOverrides(Kind, frozen=True, kw_only=True):
    """Changes to metrics and their labels."""

    disabled: Annotated[bool | None, NULLABLE] = None
    match: MetricSelector | None = None
    tag_overrides: dict[str, TagOverride] = msgspec.field(default_factory=dict)


class Metrics(Kind, frozen=True, kw_only=True):
    """Which metrics are reported and to whom."""

    overrides: tuple[MetricsOverrides, ...] = ()
    providers: tuple[ProviderRef, ...] = ()
    reporting_interval: Annotated[str, DURATION] = ""


class Environment(Kind, frozen=True, kw_only=True):
    """A tag whose value is an environment variable of the proxy."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    default_value: str = ""
    name: Annotated[str, schema(min_length=1)] = ""


class Formatter(Kind, frozen=True, kw_only=True):
    """A tag whose value is an access log format."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("value",))

    value: Annotated[str, schema(min_length=1)] = ""


class RequestHeader(Kind, frozen=True, kw_only=True):
    """A tag whose value is a request header."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    default_value: str = ""
    name: Annotated[str, schema(min_length=1)] = ""


class Literal(Kind, frozen=True, kw_only=True):
    """A tag with a fixed value."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("value",))

    value: Annotated[str, schema(min_length=1)] = ""


class CustomTag(Kind, frozen=True, kw_only=True):
    """A tag added to spans."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("literal", "environment", "header", "formatter"),))

    environment: Environment | None = None
    formatter: Formatter | None = None
    header: RequestHeader | None = None
    literal: Literal | None = None


class TracingSelector(Kind, frozen=True, kw_only=True):
    """The side that reports spans."""

    mode: Annotated[str, enum("CLIENT_AND_SERVER", "CLIENT", "SERVER")] = ""


class Tracing(Kind, frozen=True, kw_only=True):
    """Which requests are traced and where spans go."""

    custom_tags: dict[str, CustomTag] = msgspec.field(default_factory=dict)
    disable_context_propagation: Annotated[bool | None, NULLABLE] = None
    disable_span_reporting: Annotated[bool | None, NULLABLE] = None
    enable_istio_tags: Annotated[bool | None, NULLABLE] = None
    match: TracingSelector | None = None
    providers: tuple[ProviderRef, ...] = ()
    random_sampling_percentage: Annotated[
        float | None, schema(format="double", maximum=100, minimum=0, nullable=True)
    ] = None
    use_request_id_for_trace_sampling: Annotated[bool | None, NULLABLE] = None


class TelemetrySpec(Kind, frozen=True, kw_only=True):
    """Tracing, metrics and access logs of the selected workloads."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or selector can be set",
            ),
        )
    )

    access_logging: tuple[AccessLogging, ...] = ()
    metrics: tuple[Metrics, ...] = ()
    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()
    tracing: tuple[Tracing, ...] = ()


class Telemetry(Kind, frozen=True, kw_only=True):
    """Metrics, traces and access logs of workloads."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: TelemetrySpec = TelemetrySpec()
    status: IstioStatus = IstioStatus()
