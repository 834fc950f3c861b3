"""The pod annotations that injection reads: checked all at once, so that a typo refuses the pod with a clear message.

Source: Istio's pkg/kube/inject/inject.go (AnnotationValidation), `istio.md` B.1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from tejer.envoy.capture import checked_ports, checked_ranges, split_list
from tejer.kube.duration import parse_duration

SIDECAR = "sidecar.istio.io/"
TRAFFIC = "traffic.sidecar.istio.io/"
READINESS = "readiness.status.sidecar.istio.io/"
STATUS_PORT = "status.sidecar.istio.io/port"
PROXY_CONFIG = "proxy.istio.io/config"
TEMPLATES = "inject.istio.io/templates"


def _ports(text: str) -> None:
    checked_ports(split_list(text))


def _ports_or_all(text: str) -> None:
    if text != "*":
        _ports(text)


def _ranges(text: str) -> None:
    checked_ranges(split_list(text))


def _ranges_or_all(text: str) -> None:
    if text != "*":
        _ranges(text)


def _whole_number(text: str) -> None:
    if not text.isdecimal():
        raise ValueError(f"{text!r} is not a whole number")


def _truth(text: str) -> None:
    if text.lower() not in ("true", "false", "1", "0", "t", "f"):
        raise ValueError(f"{text!r} is neither true nor false")


def _redirect_only(text: str) -> None:
    if text not in ("REDIRECT", "NONE"):
        raise ValueError(f"{text!r} is not supported yet, only REDIRECT and NONE")


def _json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError as problem:
        raise ValueError(f"not JSON: {problem}") from None


def _duration(text: str) -> None:
    parse_duration(text)


_CHECKS: dict[str, Callable[[str], None]] = {
    TRAFFIC + "includeInboundPorts": _ports_or_all,
    TRAFFIC + "excludeInboundPorts": _ports,
    TRAFFIC + "includeOutboundPorts": _ports,
    TRAFFIC + "excludeOutboundPorts": _ports,
    TRAFFIC + "includeOutboundIPRanges": _ranges_or_all,
    TRAFFIC + "excludeOutboundIPRanges": _ranges,
    STATUS_PORT: _whole_number,
    READINESS + "applicationPorts": _ports_or_all,
    READINESS + "failureThreshold": _whole_number,
    READINESS + "initialDelaySeconds": _whole_number,
    READINESS + "periodSeconds": _whole_number,
    SIDECAR + "rewriteAppHTTPProbers": _truth,
    SIDECAR + "interceptionMode": _redirect_only,
    SIDECAR + "userVolume": _json,
    SIDECAR + "userVolumeMount": _json,
    SIDECAR + "statsHistogramBuckets": _json,
    SIDECAR + "statsFlushInterval": _duration,
    SIDECAR + "statsEvictionInterval": _duration,
}

NOT_YET: dict[str, str] = {
    SIDECAR + "nativeSidecar": "sidecars as init containers are not supported yet",
    SIDECAR + "bootstrapOverride": "bootstrap overrides are not supported yet",
    SIDECAR + "proxyImageType": "there is one type of proxy image",
    SIDECAR + "extraStatTags": "extra tags are set by the Telemetry API",
    SIDECAR + "statsCompression": "statistics are not compressed",
    SIDECAR + "statsHistogramBins": "the number of histogram bins can't be set yet",
    "istio.io/reroute-virtual-interfaces": "virtual interfaces are not supported yet",
    TRAFFIC + "kubevirtInterfaces": "virtual interfaces are not supported yet",
}
"""Known to Istio, without effect here: said in a warning, never ignored silently."""


def check_annotations(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Warnings. Raises ValueError with all that is wrong, each with its annotation."""
    problems = []
    for name, check in _CHECKS.items():
        if name in annotations:
            try:
                check(str(annotations[name]))
            except ValueError as problem:
                problems.append(f"annotation {name}: {problem}")
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(f"annotation {name} has no effect: {why}" for name, why in NOT_YET.items() if name in annotations)
