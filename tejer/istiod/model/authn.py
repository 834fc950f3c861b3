"""PeerAuthentication: which mutual TLS mode holds for a workload's ports. Source: `istio.md` A1-A5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tejer.istiod.model.config import Config, oldest, selects
from tejer.kube.kinds.istio_security import PeerAuthenticationSpec
from tejer.kube.resource import Key

DISABLE, PERMISSIVE, STRICT = "DISABLE", "PERMISSIVE", "STRICT"
_UNSET = ("", "UNSET")

Policy = Config[PeerAuthenticationSpec]


class PeerModes(msgspec.Struct, frozen=True, kw_only=True):
    """The mode of every port: `ports` by workload port, `default` for the others. `sources` made it so."""

    default: str = PERMISSIVE
    ports: dict[int, str] = {}
    sources: tuple[Key, ...] = ()

    def of(self, port: int) -> str:
        return self.ports.get(port, self.default)


def _mode(policy: Policy | None) -> str:
    mode = policy.spec.mtls.mode if policy and policy.spec.mtls else ""
    return "" if mode in _UNSET else mode


def _has_selector(policy: Policy) -> bool:
    return bool(policy.spec.selector and policy.spec.selector.match_labels)


def namespace_mode(root: Iterable[Policy], namespace: Iterable[Policy]) -> str:
    """The mode that a client may infer for a service: the namespace's policy, else the mesh's, else PERMISSIVE."""
    own = oldest(policy for policy in namespace if not _has_selector(policy))
    mesh = oldest(policy for policy in root if not _has_selector(policy))
    return _mode(own) or _mode(mesh) or PERMISSIVE


def peer_modes(
    root: Iterable[Policy], namespace: Iterable[Policy], labels: Mapping[str, str], *, in_root: bool = False
) -> PeerModes:
    """Port > workload > namespace > mesh > PERMISSIVE; at each level the oldest policy; UNSET inherits.

    Policies with a selector in the root namespace are ignored elsewhere; `in_root` says that the workload lives there.
    """
    root, namespace = list(root), list(namespace)
    mesh = oldest(policy for policy in root if not _has_selector(policy))
    own = None if in_root else oldest(policy for policy in namespace if not _has_selector(policy))
    mine = oldest(
        policy
        for policy in namespace
        if policy.spec.selector and _has_selector(policy) and selects(policy.spec.selector.match_labels, labels)
    )
    used = tuple(policy.key for policy in (mesh, own, mine) if policy)
    default = _mode(mine) or _mode(own) or _mode(mesh) or PERMISSIVE
    if mine is None:
        return PeerModes(default=default, sources=used)
    ports: dict[int, str] = {}
    for port, mtls in mine.spec.port_level_mtls.items():
        mode = mtls.mode if mtls else ""
        ports[int(port)] = default if mode in _UNSET else mode
    return PeerModes(default=default, ports=ports, sources=used)
