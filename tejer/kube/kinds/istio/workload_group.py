"""WorkloadGroup: the template of WorkloadEntries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.istio.workload_entry import WorkloadEntrySpec
from tejer.kube.kinds.keywords import CHECKED_PORT, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class WorkloadGroupMeta(Kind, frozen=True, kw_only=True):
    """Labels and annotations of the entries."""

    annotations: Annotated[dict[str, str], schema(max_properties=256)] = msgspec.field(default_factory=dict)
    labels: Annotated[dict[str, str], schema(max_properties=256)] = msgspec.field(default_factory=dict)


class ExecHealthCheckConfig(Kind, frozen=True, kw_only=True):
    """A command that must succeed."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("command",))

    command: tuple[Annotated[str, schema(min_length=1)], ...] = ()


class GrpcHealthCheckConfig(Kind, frozen=True, kw_only=True):
    """A gRPC health check."""

    port: Annotated[int | None, CHECKED_PORT] = None
    service: str = ""


class HTTPHeader(Kind, frozen=True, kw_only=True):
    """A header of the health check."""

    name: Annotated[str, schema(pattern="^[-_A-Za-z0-9]+$")] = ""
    value: str = ""


class HTTPHealthCheckConfig(Kind, frozen=True, kw_only=True):
    """An HTTP health check."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("port",))

    host: str = ""
    http_headers: tuple[HTTPHeader, ...] = ()
    path: str = ""
    port: Annotated[int | None, CHECKED_PORT] = None
    scheme: Annotated[
        str, schema(rules=(rule('self in ["", "HTTP", "HTTPS"]', "scheme must be one of [HTTP, HTTPS]"),))
    ] = ""


class TCPHealthCheckConfig(Kind, frozen=True, kw_only=True):
    """A connection that must open."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("port",))

    host: str = ""
    port: Annotated[int | None, CHECKED_PORT] = None


class ReadinessProbe(Kind, frozen=True, kw_only=True):
    """When an entry is ready."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(one_of=(("httpGet", "tcpSocket", "exec", "grpc"),))

    exec: ExecHealthCheckConfig | None = None
    failure_threshold: Annotated[int | None, schema(format="int32", minimum=0)] = None
    grpc: GrpcHealthCheckConfig | None = None
    http_get: HTTPHealthCheckConfig | None = None
    initial_delay_seconds: Annotated[int | None, schema(format="int32", minimum=0)] = None
    period_seconds: Annotated[int | None, schema(format="int32", minimum=0)] = None
    success_threshold: Annotated[int | None, schema(format="int32", minimum=0)] = None
    tcp_socket: TCPHealthCheckConfig | None = None
    timeout_seconds: Annotated[int | None, schema(format="int32", minimum=0)] = None


class WorkloadGroupSpec(Kind, frozen=True, kw_only=True):
    """Template and health check of the entries."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("template",))

    metadata: WorkloadGroupMeta | None = None
    probe: ReadinessProbe | None = None
    template: WorkloadEntrySpec | None = None


class WorkloadGroup(Kind, frozen=True, kw_only=True):
    """The template of WorkloadEntries."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("spec",))

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WorkloadGroupSpec = WorkloadGroupSpec()
    status: IstioStatus = IstioStatus()
