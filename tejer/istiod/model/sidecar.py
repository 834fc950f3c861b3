"""Sidecar objects: which one applies to a workload, and which hosts it lets the workload see. `istio.md` C1-C5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tejer.istiod.model.config import Config, oldest, selects
from tejer.istiod.model.hosts import overlap, split_gateway_host
from tejer.kube.kinds.istio_networking import SidecarSpec

Sidecar = Config[SidecarSpec]


def _selector(sidecar: Sidecar) -> Mapping[str, str]:
    selector = sidecar.spec.workload_selector
    return selector.labels if selector else {}


def choose(own: Iterable[Sidecar], root: Iterable[Sidecar], labels: Mapping[str, str]) -> Sidecar | None:
    """The oldest that selects the workload, else its namespace's, else the root namespace's, else None."""
    own = list(own)
    mine = oldest(sidecar for sidecar in own if _selector(sidecar) and selects(_selector(sidecar), labels))
    return (
        mine
        or oldest(sidecar for sidecar in own if not _selector(sidecar))
        or oldest(sidecar for sidecar in root if not _selector(sidecar))
    )


def sees(sidecar: Sidecar | None, namespace: str, host: str) -> bool:
    """Whether the egress hosts of `sidecar` take in `host` of `namespace`; without egress everything is seen."""
    if sidecar is None or not sidecar.spec.egress:
        return True
    patterns = [pattern for listener in sidecar.spec.egress for pattern in listener.hosts]
    excluded = [pattern[1:] for pattern in patterns if pattern.startswith("~") and not pattern.startswith("~/")]
    if any(_fits(pattern, sidecar.namespace, namespace, host) for pattern in excluded):
        return False
    return any(
        _fits(pattern, sidecar.namespace, namespace, host) for pattern in patterns if not pattern.startswith("~")
    )


def _fits(pattern: str, own: str, namespace: str, host: str) -> bool:
    where, name = split_gateway_host(pattern, own)
    return where in ("*", namespace) and overlap(name, host)
