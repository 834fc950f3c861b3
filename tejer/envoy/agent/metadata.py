"""From `Settings` to `BootstrapParams`: the xDS node as Istio's agent builds it (pkg/bootstrap/config.go)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil
from typing import Any

from tejer.envoy.agent.settings import Json, Settings, duration
from tejer.envoy.bootstrap import BootstrapParams

ISTIO_VERSION = "1.28.0"
"""The version of Istio whose behaviour this proxy speaks; istiod may gate features on it."""

_ANNOTATION = "sidecar.istio.io/"


def node_id(settings: Settings) -> str:
    return (
        f"{settings.node_type}~{settings.ip}~{settings.pod}.{settings.namespace}"
        f"~{settings.namespace}.svc.{settings.domain}"
    )


def node_metadata(settings: Settings) -> Json:
    """Appendix D's keys that apply to a pod. Absent values are left out, never empty."""
    found: Json = {
        "CLUSTER_ID": "Kubernetes",
        "MESH_ID": "cluster.local",
        "INTERCEPTION_MODE": "REDIRECT",
        **{key: value for key, value in settings.meta.items() if key not in ("LABELS", "ANNOTATIONS")},
        "NAME": settings.pod,
        "NAMESPACE": settings.namespace,
        "SERVICE_ACCOUNT": settings.service_account,
        "INSTANCE_IPS": settings.ip,
        "ISTIO_VERSION": ISTIO_VERSION,
        "PILOT_SAN": [settings.discovery_address.rpartition(":")[0]],
        "LABELS": settings.labels,
        "ANNOTATIONS": {key: value for key, value in settings.annotations.items() if _is_short(value)},
        "PROXY_CONFIG": settings.proxy_config,
        "ENVOY_STATUS_PORT": 15021,
        "ENVOY_PROMETHEUS_PORT": 15090,
    }
    if isinstance(found.get("POD_PORTS"), list):
        found["POD_PORTS"] = json.dumps(found["POD_PORTS"])
    return {key: value for key, value in found.items() if value not in ("", None, {}, [])}


def _is_short(value: str) -> bool:
    """Leaves out kubectl's last-applied configuration and the like: 12 KB in each proxy's node help nobody."""
    return len(value) <= 1024


def bootstrap_params(settings: Settings) -> BootstrapParams:
    """Raises ValueError naming the annotation or proxyConfig field that can't be read."""
    host, _, port = settings.discovery_address.rpartition(":")
    matcher = settings.proxy_config.get("proxyStatsMatcher") or {}
    annotations = settings.annotations
    app = settings.labels.get("app") or settings.labels.get("app.kubernetes.io/name") or "istio-proxy"
    flush = max(1, round(duration(annotations.get(f"{_ANNOTATION}statsFlushInterval", "5s"))))
    eviction = duration(annotations.get(f"{_ANNOTATION}statsEvictionInterval", "0s"))
    return BootstrapParams(
        node_id=node_id(settings),
        cluster=f"{app}.{settings.namespace}",
        metadata=node_metadata(settings),
        discovery_host=host,
        discovery_port=int(port),
        discovery_san=host,
        stats_prefixes=_patterns(annotations, matcher, "statsInclusionPrefixes", "inclusionPrefixes"),
        stats_suffixes=_patterns(annotations, matcher, "statsInclusionSuffixes", "inclusionSuffixes"),
        stats_regexes=_patterns(annotations, matcher, "statsInclusionRegexps", "inclusionRegexps"),
        histogram_buckets=_buckets(annotations.get(f"{_ANNOTATION}statsHistogramBuckets", "")),
        stats_flush_seconds=flush,
        stats_eviction_seconds=ceil(eviction / flush) * flush,  # Envoy wants a multiple
        admin_port=settings.admin_port,
        agent_port=settings.agent_port,
        certs_dir=settings.certs_dir,
        sds_certificate=f"{settings.proxy_dir}/sds-default.json",
        sds_roots=f"{settings.proxy_dir}/sds-rootca.json",
    )


def _patterns(annotations: Mapping[str, str], matcher: Json, annotation: str, key: str) -> tuple[str, ...]:
    """The deprecated annotation wins over proxyConfig's list, as in Istio."""
    text = annotations.get(_ANNOTATION + annotation, "")
    if text:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    values: Any = matcher.get(key) or ()
    return tuple(str(value) for value in values)


def _buckets(text: str) -> dict[str, tuple[float, ...]]:
    if not text:
        return {}
    try:
        return {str(prefix): tuple(float(bound) for bound in bounds) for prefix, bounds in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            f"{_ANNOTATION}statsHistogramBuckets is no JSON of prefix -> list of numbers: {text}"
        ) from None


def worker_threads(settings: Settings, cpus: int) -> int:
    """Envoy's `--concurrency`: asked for, else the CPU limit, else two at most (memory grows with each)."""
    return settings.concurrency or settings.cpu_limit or min(2, max(1, cpus))
