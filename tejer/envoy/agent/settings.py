"""`Settings`: what the injected container tells its agent, parsed from arguments, environment and the pod's files.

Names are those of Istio's agent (pilot/cmd/pilot-agent/options), so its documentation applies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tejer.envoy import paths
from tejer.envoy.bootstrap import ADMIN_PORT, AGENT_PORT

Json = dict[str, Any]

DEFAULT_DISCOVERY = "istiod.istio-system.svc:15012"
NODE_TYPES = ("sidecar", "router")
_NONE: Mapping[str, Any] = MappingProxyType({})


class Settings(NamedTuple):
    """One proxy container. `proxy_config` is the effective ProxyConfig (mesh default + annotation), as JSON."""

    node_type: str = "sidecar"
    pod: str = ""
    namespace: str = ""
    ip: str = ""
    domain: str = "cluster.local"
    service_account: str = ""
    discovery_address: str = DEFAULT_DISCOVERY
    ca_address: str = DEFAULT_DISCOVERY
    log_level: str = "warning"
    component_log_level: str = "misc:error"
    concurrency: int = 0
    cpu_limit: int = 0
    proxy_config: Mapping[str, Any] = _NONE
    meta: Mapping[str, Any] = _NONE
    labels: Mapping[str, str] = _NONE
    annotations: Mapping[str, str] = _NONE
    probers: Mapping[str, Any] = _NONE
    prometheus: Mapping[str, Any] = _NONE
    key_type: str = "ECDSA"
    certificate_seconds: int = 86_400
    drain_seconds: float = 5.0
    drain_time_seconds: float = 45.0
    exit_on_zero_connections: bool = False
    minimum_drain_seconds: float = 5.0
    admin_port: int = ADMIN_PORT
    agent_port: int = AGENT_PORT
    proxy_dir: str = paths.PROXY_DIR
    token_path: str = paths.TOKEN
    roots_path: str = paths.MESH_ROOT_CERT

    @property
    def certs_dir(self) -> str:
        return f"{self.proxy_dir}/{paths.CERTS_DIR.rpartition('/')[2]}"


def parse_settings(arguments: list[str], environment: Mapping[str, str], pod_files: Mapping[str, str]) -> Settings:
    """Settings of `proxy ARGUMENTS`; `pod_files` are the downward API's `labels` and `annotations` files' texts.

    Raises ValueError naming the argument or variable that can't be read.
    """
    flags, positional = parse_flags(arguments)
    node_type = positional[0] if positional else "sidecar"
    if node_type not in NODE_TYPES:
        raise ValueError(f"proxy type {node_type!r} is not one of {', '.join(NODE_TYPES)}")
    meta = node_meta(environment)
    config = _json(environment, "PROXY_CONFIG")
    namespace = environment.get("POD_NAMESPACE", "default")
    discovery = str(config.get("discoveryAddress") or DEFAULT_DISCOVERY)
    return Settings(
        node_type=node_type,
        pod=environment.get("POD_NAME", ""),
        namespace=namespace,
        ip=environment.get("INSTANCE_IP", ""),
        domain=_cluster_domain(flags.get("domain", ""), namespace),
        service_account=environment.get("SERVICE_ACCOUNT", ""),
        discovery_address=discovery,
        ca_address=environment.get("CA_ADDR") or discovery,
        log_level=flags.get("proxyLogLevel") or "warning",
        component_log_level=flags.get("proxyComponentLogLevel", "misc:error"),
        concurrency=_number(flags.get("concurrency") or config.get("concurrency"), "concurrency"),
        cpu_limit=_number(environment.get("ISTIO_CPU_LIMIT"), "ISTIO_CPU_LIMIT"),
        proxy_config=config,
        meta=meta,
        labels=parse_pod_file(pod_files.get("labels", "")) or _texts(meta.get("LABELS")),
        annotations=parse_pod_file(pod_files.get("annotations", "")) or _texts(meta.get("ANNOTATIONS")),
        probers=_json(environment, "ISTIO_KUBE_APP_PROBERS"),
        prometheus=_json(environment, "ISTIO_PROMETHEUS_ANNOTATIONS"),
        key_type="ECDSA" if environment.get("ECC_SIGNATURE_ALGORITHM", "ECDSA") else "RSA",
        certificate_seconds=int(duration(environment.get("SECRET_TTL", "24h"))),
        drain_seconds=duration(str(config.get("terminationDrainDuration") or "5s")),
        drain_time_seconds=duration(str(config.get("drainDuration") or "45s")),
        agent_port=_number(config.get("statusPort"), "statusPort") or AGENT_PORT,
        exit_on_zero_connections=_truth(environment.get("EXIT_ON_ZERO_ACTIVE_CONNECTIONS", "")),
        minimum_drain_seconds=duration(environment.get("MINIMUM_DRAIN_DURATION", "5s")),
    )


def parse_flags(arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """`--name=value`, `--name value` and bare words."""
    flags: dict[str, str] = {}
    positional: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            positional.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "true"
        flags[name] = value
    return flags, positional


def node_meta(environment: Mapping[str, str]) -> Json:
    """`ISTIO_META_X=v` is metadata X; `ISTIO_METAJSON_X` the same with a JSON value."""
    meta: Json = {}
    for name, value in environment.items():
        if name.startswith("ISTIO_META_"):
            meta[name.removeprefix("ISTIO_META_")] = value
        elif name.startswith("ISTIO_METAJSON_"):
            meta[name.removeprefix("ISTIO_METAJSON_")] = _decode(value, name)
    return meta


def parse_pod_file(text: str) -> dict[str, str]:
    """The downward API's format: one `key="escaped value"` a line."""
    result: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            result[key] = str(_decode(value, key)) if value.startswith('"') else value
    return result


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds of a Go duration such as `1m30s` or `500ms`. Raises ValueError."""
    total, number, rest = 0.0, "", text
    while rest:
        if rest[0].isdigit() or rest[0] == ".":
            number, rest = number + rest[0], rest[1:]
            continue
        unit = next((unit for unit in ("ns", "us", "µs", "ms", "s", "m", "h") if rest.startswith(unit)), "")
        if not unit or not number:
            break
        total, number, rest = total + float(number) * _UNITS[unit], "", rest[len(unit) :]
    if rest or (number and number.strip("0.")):
        raise ValueError(f"{text!r} is not a duration such as 5s or 1m30s")
    return total


def _cluster_domain(dns_domain: str, namespace: str) -> str:
    """The cluster's part of `ns.svc.cluster.local`."""
    return dns_domain.removeprefix(f"{namespace}.svc.") or "cluster.local"


def _decode(value: str, name: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as problem:
        raise ValueError(f"{name} does not hold JSON: {problem}") from None


def _json(environment: Mapping[str, str], name: str) -> Json:
    value = _decode(environment.get(name) or "{}", name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} holds {type(value).__name__}, not a JSON object")
    return value


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, dict) else {}


def _number(value: object, name: str) -> int:
    try:
        return int(str(value)) if value not in (None, "") else 0
    except ValueError:
        raise ValueError(f"{name} is {value!r}, not a whole number") from None


def _truth(text: str) -> bool:
    return text.lower() in ("1", "t", "true")
