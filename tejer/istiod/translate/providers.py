"""The services behind extensionProviders: their hosts and clusters, and whether a proxy has them."""

from __future__ import annotations

from typing import Protocol

from tejer.istiod.model.hosts import resolve
from tejer.istiod.model.view import ProxyView
from tejer.istiod.translate import names


class Provider(Protocol):
    """`service` is `namespace/service.host`, `service.namespace.svc.domain`, or any host of the registry."""

    @property
    def service(self) -> str: ...
    @property
    def port(self) -> int: ...


def host_of(provider: Provider, domain: str) -> str:
    namespace, slash, host = provider.service.rpartition("/")
    return resolve(host, namespace, domain) if slash else host


def cluster_of(provider: Provider, domain: str) -> str:
    return names.outbound_cluster(provider.port, "", host_of(provider, domain))


def reachable(provider: Provider, view: ProxyView) -> bool:
    """Whether the proxy has the provider's cluster."""
    host = host_of(provider, view.mesh.domain)
    return any(
        found.service.hostname == host and found.service.port(provider.port) is not None for found in view.services
    )


def collectors(view: ProxyView) -> tuple[str, ...]:
    """Clusters of the collectors that the proxy reports to and can reach: listeners depend on these of all services."""
    telemetry = view.telemetry
    wanted: list[Provider] = [rule.collector for rule in (*telemetry.client, *telemetry.server) if rule.collector]
    wanted += [rule.provider for rule in (telemetry.client_tracing, telemetry.server_tracing) if rule]
    return tuple(sorted({cluster_of(found, view.mesh.domain) for found in wanted if reachable(found, view)}))
