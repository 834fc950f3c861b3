"""All messages of extensions.istio.io, one import for their readers."""

from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.traffic_extension import LuaConfig, TrafficExtension, TrafficExtensionSpec, WasmConfig
from tejer.kube.kinds.istio.wasm_plugin import EnvVar, TrafficSelector, VmConfig, WasmPlugin, WasmPluginSpec

__all__ = [
    "EnvVar",
    "LuaConfig",
    "PolicyTargetReference",
    "TrafficExtension",
    "TrafficExtensionSpec",
    "TrafficSelector",
    "VmConfig",
    "WasmConfig",
    "WasmPlugin",
    "WasmPluginSpec",
    "WorkloadSelector",
]
