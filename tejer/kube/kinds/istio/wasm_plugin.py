"""WasmPlugin: a WebAssembly filter in the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference, PortSelector, WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class EnvVar(Kind, frozen=True, kw_only=True):
    """One environment variable of the Wasm machine."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=("name",),
        rules=(
            rule(
                '(has(self.valueFrom) ? self.valueFrom : "") != "HOST" || !has(self.value)',
                "value may only be set when valueFrom is INLINE",
            ),
        ),
    )

    name: Annotated[str, schema(max_length=256, min_length=1)] = ""
    value: Annotated[str, schema(max_length=2048)] = ""
    value_from: Annotated[str, enum("INLINE", "HOST")] = ""


class VmConfig(Kind, frozen=True, kw_only=True):
    """What the Wasm machine is started with."""

    env: Annotated[tuple[EnvVar, ...], schema(max_items=256, list_map_keys=("name",), list_type="map")] = ()


class TrafficSelector(Kind, frozen=True, kw_only=True):
    """Which traffic a filter sees: the side of the connection and the ports."""

    mode: Annotated[str, enum("UNDEFINED", "CLIENT", "SERVER", "CLIENT_AND_SERVER")] = ""
    ports: Annotated[tuple[PortSelector, ...], schema(list_map_keys=("number",), list_type="map")] = ()


class WasmPluginSpec(Kind, frozen=True, kw_only=True):
    """A Wasm filter: its code, its place in the chain and the traffic it sees."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=("url",),
        rules=(
            rule(
                "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or selector can be set",
            ),
        ),
    )

    fail_strategy: Annotated[str, enum("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD")] = ""
    image_pull_policy: Annotated[str, enum("UNSPECIFIED_POLICY", "IfNotPresent", "Always")] = ""
    image_pull_secret: Annotated[str, schema(max_length=253, min_length=1)] = ""
    match: tuple[TrafficSelector, ...] = ()
    phase: Annotated[str, enum("UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS")] = ""
    plugin_config: Annotated[dict[str, Any], schema(preserve_unknown=True)] = msgspec.field(default_factory=dict)
    plugin_name: Annotated[str, schema(max_length=256, min_length=1)] = ""
    priority: Annotated[int | None, schema(format="int32", nullable=True)] = None
    selector: WorkloadSelector | None = None
    sha256: Annotated[str, schema(pattern="(^$|^[a-f0-9]{64}$)")] = ""
    target_ref: PolicyTargetReference | None = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()
    type: Annotated[str, enum("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK")] = ""
    url: Annotated[
        str,
        schema(
            min_length=1,
            rules=(
                rule(
                    'isURL(self) ? (url(self).getScheme() in ["", "http", "https", "oci", "file"]) : '
                    '(isURL("http://" + self) &&\nurl("http://" + self).getScheme() in ["", "http", "https", '
                    '"oci", "file"])',
                    "url must have schema one of [http, https, file, oci]",
                ),
            ),
        ),
    ] = ""
    verification_key: str = ""
    vm_config: VmConfig | None = None


class WasmPlugin(Kind, frozen=True, kw_only=True):
    """A WebAssembly filter in the proxy."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("spec",))

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: WasmPluginSpec = WasmPluginSpec()
    status: IstioStatus = IstioStatus()
