"""`Options`: everything istiod takes from its environment, read once at the door."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field

VERSION = "1.28.0"
"""The Istio release whose behaviour we announce to proxies and tools."""


@dataclass(frozen=True, slots=True)
class Options:
    """Addresses are what the ports bind to. A port of 0 picks a free one (tests)."""

    namespace: str = "istio-system"
    pod: str = field(default_factory=socket.gethostname)
    cluster: str = "Kubernetes"
    domain: str = "cluster.local"
    trust_domain: str = "cluster.local"
    revision: str = "default"
    address: str = "0.0.0.0"  # noqa: S104 (a pod's address is its boundary)
    http_port: int = 8080
    plaintext_port: int = 15010
    grpc_port: int = 15012
    monitoring_port: int = 15014
    webhook_port: int = 15017
    write_status: bool = False
    log_level: str = "INFO"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names in istiod's serving certificate."""
        namespace = self.namespace
        service = f"istiod.{namespace}"
        return (f"{service}.svc", f"{service}.svc.{self.domain}", service, "istiod", f"istio-pilot.{namespace}.svc",
                "localhost", "127.0.0.1")  # fmt: skip


def read_options(environ: Mapping[str, str]) -> Options:
    """Istio's variable names: POD_NAME, POD_NAMESPACE, CLUSTER_ID, REVISION, TRUST_DOMAIN, PILOT_ENABLE_ANALYSIS."""
    base = Options()
    return Options(
        namespace=environ.get("POD_NAMESPACE", base.namespace),
        pod=environ.get("POD_NAME", base.pod),
        cluster=environ.get("CLUSTER_ID", base.cluster),
        domain=environ.get("DOMAIN", base.domain),
        trust_domain=environ.get("TRUST_DOMAIN", base.trust_domain),
        revision=environ.get("REVISION", "") or base.revision,
        address=environ.get("TEJER_ISTIOD_ADDRESS", base.address),
        http_port=int(environ.get("TEJER_HTTP_PORT", base.http_port)),
        plaintext_port=int(environ.get("TEJER_PLAINTEXT_PORT", base.plaintext_port)),
        grpc_port=int(environ.get("TEJER_GRPC_PORT", base.grpc_port)),
        monitoring_port=int(environ.get("TEJER_MONITORING_PORT", base.monitoring_port)),
        webhook_port=int(environ.get("TEJER_WEBHOOK_PORT", base.webhook_port)),
        write_status=environ.get("PILOT_ENABLE_ANALYSIS", "").lower() == "true",
        log_level=environ.get("TEJER_LOG_LEVEL", base.log_level).upper(),
    )
