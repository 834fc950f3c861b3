"""The effective ProxyConfig of a pod: the mesh's `defaultConfig`, over it the annotation `proxy.istio.io/config`.

Every field is either used, or said to be without effect, or refused: Istio's mesh/v1alpha1 ProxyConfig knows many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from tejer.istiod.inject.annotations import PROXY_CONFIG, STATUS_PORT
from tejer.kube.kinds.istio_mesh import ProxyConfig
from tejer.kube.manifest import ManifestError, load_value

USED = frozenset(
    {
        "concurrency", "discoveryAddress", "drainDuration", "holdApplicationUntilProxyStarts", "interceptionMode",
        "meshId", "proxyMetadata", "proxyStatsMatcher", "statusPort", "terminationDrainDuration",
    }
)  # fmt: skip
_INNOCENT = {"configPath", "binaryPath", "serviceCluster", "proxyAdminPort", "controlPlaneAuthPolicy"}
"""Set by old installations to values that are what happens anyway."""
_TRACING_OF_MESH = {"sampling", "customTags", "maxPathTagLength", "enableIstioTags"}
_METADATA_NOT_YET = ("ISTIO_META_DNS_CAPTURE", "ISTIO_META_DNS_AUTO_ALLOCATE", "ISTIO_META_ENABLE_HBONE")
_KNOWN = {field.encode_name for field in msgspec.structs.fields(ProxyConfig)}


class EffectiveConfig(NamedTuple):
    """As JSON, with warnings for what has no effect."""

    config: dict[str, Any]
    warnings: tuple[str, ...] = ()


def proxy_config(mesh: Mapping[str, Any], annotations: Mapping[str, str]) -> EffectiveConfig:
    """Raises ValueError naming the annotation and the field that can't be read."""
    text = annotations.get(PROXY_CONFIG, "")
    override = _parse(text) if text else {}
    config = _merge(dict(mesh.get("defaultConfig") or {}), override)
    if STATUS_PORT in annotations:
        config["statusPort"] = int(annotations[STATUS_PORT])
    return EffectiveConfig(config, (*_without_effect(config), *_tracing_without_effect(config, override)))


def _parse(text: str) -> dict[str, Any]:
    where = f"annotation {PROXY_CONFIG}"
    try:
        value = load_value(text, where)
    except ManifestError as problem:
        raise ValueError(str(problem)) from None
    if not isinstance(value, dict):
        raise ValueError(f"{where} holds no fields of a ProxyConfig")
    if unknown := sorted(set(value) - _KNOWN):
        raise ValueError(f"{where} has unknown fields: {', '.join(unknown)}")
    try:
        msgspec.convert(value, ProxyConfig, strict=True)
    except msgspec.ValidationError as problem:
        raise ValueError(f"{where}: {problem}") from None
    return value


def _without_effect(config: dict[str, Any]) -> list[str]:
    warnings = [
        f"proxy config field {name} has no effect yet"
        for name, value in config.items()
        if value and name not in USED and name not in _INNOCENT and name != "tracing"
    ]
    if config.get("interceptionMode") == "TPROXY":
        warnings.append("proxy config field interceptionMode: TPROXY is not supported yet, REDIRECT is used")
    metadata = config.get("proxyMetadata") or {}
    for name in _METADATA_NOT_YET:
        if str(metadata.get(name, "false")).lower() == "true":
            warnings.append(f"proxy metadata {name} has no effect yet")
    return warnings


def _tracing_without_effect(config: Mapping[str, Any], of_pod: Mapping[str, Any]) -> list[str]:
    """The mesh's sampling and tags count for all proxies; a pod's own, and tracers of the bootstrap, don't yet."""
    if of_pod.get("tracing"):
        return ["proxy config field tracing has no effect yet: use the Telemetry API"]
    legacy = set(config.get("tracing") or {}) - _TRACING_OF_MESH
    return [f"proxy config field tracing.{name} has no effect: name an extension provider" for name in sorted(legacy)]


def _merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for name, value in override.items():
        held = result.get(name)
        result[name] = _merge(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return result
