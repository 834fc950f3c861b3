"""PeerAuthentication: mutual TLS that a workload accepts or demands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class MutualTLS(Kind, frozen=True, kw_only=True):
    """DISABLE, PERMISSIVE (plaintext too) or STRICT; UNSET inherits."""

    mode: Annotated[str, enum("UNSET", "DISABLE", "PERMISSIVE", "STRICT")] = ""


class PeerAuthenticationSpec(Kind, frozen=True, kw_only=True):
    """The mode, by workload and by port of the workload."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "has(self.portLevelMtls) ? (((has(self.selector) && has(self.selector.matchLabels)) ? "
                "self.selector.matchLabels : {}).size() > 0) : true",
                "portLevelMtls requires selector",
            ),
        )
    )

    mtls: MutualTLS | None = None
    port_level_mtls: Annotated[
        dict[str, MutualTLS],
        schema(
            min_properties=1,
            rules=(rule("self.all(key, 0 < int(key) && int(key) <= 65535)", "port must be between 1-65535"),),
        ),
    ] = msgspec.field(default_factory=dict)
    selector: WorkloadSelector | None = None


class PeerAuthentication(Kind, frozen=True, kw_only=True):
    """Mutual TLS that a workload accepts or demands."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: PeerAuthenticationSpec = PeerAuthenticationSpec()
    status: IstioStatus = IstioStatus()
