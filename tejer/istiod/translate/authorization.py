"""AuthorizationPolicies as Envoy RBAC filters, in the order CUSTOM, AUDIT, DENY, ALLOW. `istio.md` A12-A24."""

from __future__ import annotations

from typing import NamedTuple

from tejer.envoy.proto import HttpFilter, NetworkFilter


class Guards(NamedTuple):
    """The filters that stand before a workload's HTTP and TCP ports."""

    http: tuple[HttpFilter, ...] = ()
    network: tuple[NetworkFilter, ...] = ()
