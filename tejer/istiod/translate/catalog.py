"""`Catalog`: what a group of proxies sees, arranged for looking up by host. Made once per group and change."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.istiod.model.hosts import matches
from tejer.istiod.model.view import ProxyView, ServiceView
from tejer.istiod.model.virtualservice import VirtualService
from tejer.istiod.translate.rendered import Memo
from tejer.kube.kinds.istio_networking import Destination


class Catalog:
    """Services by host name, and the VirtualService that holds for a host."""

    def __init__(self, services: Iterable[ServiceView], configs: Iterable[VirtualService]) -> None:
        self.by_host = {found.service.hostname: found for found in services}
        self._exact: dict[str, VirtualService] = {}
        wild: dict[str, VirtualService] = {}
        for config in configs:  # oldest first: the first to claim a host keeps it
            for host in config.spec.hosts:
                (wild if host.startswith("*") else self._exact).setdefault(host, config)
        self._wild = sorted(wild.items(), key=lambda item: -len(item[0]))

    def virtual_service(self, host: str) -> VirtualService | None:
        """Of the VirtualServices that fit, the one with the most specific host, else the oldest."""
        if found := self._exact.get(host):
            return found
        return next((config for pattern, config in self._wild if matches(pattern, host)), None)

    def port(self, destination: Destination, listener_port: int) -> int:
        """The destination's own port, else the only port of its service, else the listener's."""
        if destination.port and destination.port.number:
            return destination.port.number
        found = self.by_host.get(destination.host)
        if found is not None and len(found.service.ports) == 1:
            return found.service.ports[0].number
        return listener_port


def catalog(view: ProxyView, memo: Memo) -> Catalog:
    inputs = (view.services, view.virtual_services)

    def build() -> Catalog:
        return Catalog(view.services, view.virtual_services)

    return memo.get(("catalog", view.type, view.group), inputs, build, _cannot_fail) or build()


def _cannot_fail(error: Exception) -> None:
    raise error
