"""All messages of telemetry.istio.io, one import for their readers."""

from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.telemetry import (
    AccessLogging,
    CustomTag,
    Environment,
    Filter,
    Formatter,
    Literal,
    LogSelector,
    Metrics,
    MetricSelector,
    MetricsOverrides,
    ProviderRef,
    RequestHeader,
    TagOverride,
    Telemetry,
    TelemetrySpec,
    Tracing,
    TracingSelector,
)

__all__ = [
    "AccessLogging",
    "CustomTag",
    "Environment",
    "Filter",
    "Formatter",
    "Literal",
    "LogSelector",
    "MetricSelector",
    "Metrics",
    "MetricsOverrides",
    "PolicyTargetReference",
    "ProviderRef",
    "RequestHeader",
    "TagOverride",
    "Telemetry",
    "TelemetrySpec",
    "Tracing",
    "TracingSelector",
    "WorkloadSelector",
]
