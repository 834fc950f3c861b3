"""TrafficExtension: a Wasm or Lua filter in the proxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.istio.wasm_plugin import TrafficSelector, VmConfig
from tejer.kube.kinds.keywords import enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class LuaConfig(Kind, frozen=True, kw_only=True):
    """A Lua filter given as source text."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("inlineCode",))

    inline_code: Annotated[str, schema(max_length=65536, min_length=1)] = ""


class WasmConfig(Kind, frozen=True, kw_only=True):
    """A Wasm filter: where its code is and how it is set up."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("url",))

    fail_strategy: Annotated[str, enum("FAIL_CLOSE", "FAIL_OPEN", "FAIL_RELOAD")] = ""
    image_pull_policy: Annotated[str, enum("UNSPECIFIED_POLICY", "IfNotPresent", "Always")] = ""
    image_pull_secret: Annotated[str, schema(max_length=253, min_length=1)] = ""
    plugin_config: Annotated[dict[str, Any], schema(preserve_unknown=True)] = msgspec.field(default_factory=dict)
    plugin_name: Annotated[str, schema(max_length=256, min_length=1)] = ""
    sha256: Annotated[str, schema(pattern="(^$|^[a-f0-9]{64}$)")] = ""
    type: Annotated[str, enum("UNSPECIFIED_PLUGIN_TYPE", "HTTP", "NETWORK")] = ""
    url: Annotated[
        str,
        schema(
            min_length=1,
            rules=(
                rule(
                    'isURL(self) ? (url(self).getScheme() in ["", "http", "https", "file", "oci"]) : '
                    '(isURL("http://" + self) &&\nurl("http://" + self).getScheme() in ["", "http", "https", '
                    '"file", "oci"])',
                    "url must have schema one of [http, https, file, oci]",
                ),
            ),
        ),
    ] = ""
    verification_key: str = ""
    vm_config: VmConfig | None = None


class TrafficExtensionSpec(Kind, frozen=True, kw_only=True):
    """What filter to add, where and for which traffic."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        one_of=(("wasm", "lua"),),
        rules=(
            rule(
                "(has(self.selector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or selector can be set",
            ),
            rule("has(self.wasm) != has(self.lua)", "exactly one of wasm or lua must be set"),
        ),
    )

    lua: LuaConfig | None = None
    match: tuple[TrafficSelector, ...] = ()
    phase: Annotated[str, enum("UNSPECIFIED", "AUTHN", "AUTHZ", "STATS")] = ""
    priority: Annotated[int | None, schema(format="int32", nullable=True)] = None
    selector: WorkloadSelector | None = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()
    wasm: WasmConfig | None = None


class TrafficExtension(Kind, frozen=True, kw_only=True):
    """A Wasm or Lua filter in the proxy."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("spec",))

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: TrafficExtensionSpec = TrafficExtensionSpec()
    status: IstioStatus = IstioStatus()
