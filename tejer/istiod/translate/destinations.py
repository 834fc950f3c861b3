"""What a route needs to know of the services it sends to: ports, hash policies, how HTTP is spoken to them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tejer.envoy.proto import RouteAction, seconds
from tejer.istiod.model.destination import EffectiveRule, subset_policy
from tejer.istiod.model.service import Service
from tejer.istiod.model.view import ServiceView
from tejer.istiod.model.virtualservice import VirtualService
from tejer.istiod.translate.traffic_policy import DOWNSTREAM, upstream_protocol
from tejer.kube.duration import parse_duration
from tejer.kube.kinds.istio_networking import Destination


class DestinationView(msgspec.Struct, frozen=True):
    """A service as a route sees it: no endpoints, so their coming and going changes no route."""

    service: Service
    rule: EffectiveRule | None
    mesh_tls: bool


class Destinations(msgspec.Struct, frozen=True):
    """Those services that one VirtualService (or one service's default route) can send to, by host."""

    by_host: dict[str, DestinationView] = {}

    def of(self, host: str) -> DestinationView | None:
        return self.by_host.get(host)

    def port(self, destination: Destination, listener_port: int) -> int:
        """The destination's own port, else the only port of its service, else the listener's."""
        if destination.port and destination.port.number:
            return destination.port.number
        view = self.of(destination.host)
        if view is not None and len(view.service.ports) == 1:
            return view.service.ports[0].number
        return listener_port


def view_of(found: ServiceView) -> DestinationView:
    return DestinationView(found.service, found.rule, found.mesh_tls)


def hosts_of(config: VirtualService) -> set[str]:
    """Every host that the VirtualService's HTTP routes send or mirror to."""
    hosts: set[str] = set()
    for http in config.spec.http:
        targets: Iterable[Destination | None] = (
            *(to.destination for to in http.route),
            http.mirror,
            *(mirror.destination for mirror in http.mirrors),
        )
        hosts.update(target.host for target in targets if target is not None)
    return hosts


def hash_policies(view: DestinationView | None, subset: str, port: int) -> list[RouteAction.HashPolicy]:
    """What the destination's consistent hashing is taken over (D3, D4)."""
    balancer = subset_policy(view.rule, subset, port).load_balancer if view else None
    hashing = balancer.consistent_hash if balancer else None
    if hashing is None:
        return []
    policy = RouteAction.HashPolicy
    if hashing.http_header_name:
        return [policy(header=policy.Header(header_name=hashing.http_header_name))]
    if (cookie := hashing.http_cookie) is not None:
        attributes = [policy.CookieAttribute(name=a.name, value=a.value) for a in cookie.attributes]
        made = policy.Cookie(name=cookie.name, path=cookie.path, attributes=attributes)
        if cookie.ttl:
            made.ttl.CopyFrom(seconds(parse_duration(cookie.ttl)))
        return [policy(cookie=made)]
    if hashing.use_source_ip:
        return [policy(connection_properties=policy.ConnectionProperties(source_ip=True))]
    if hashing.http_query_parameter_name:
        return [policy(query_parameter=policy.QueryParameter(name=hashing.http_query_parameter_name))]
    return []


def speaks_callers_protocol(view: DestinationView | None, subset: str, port: int) -> bool:
    """Whether the caller's HTTP version passes through mesh TLS to this destination, so that ALPN must tell it."""
    declared = view.service.port(port) if view else None
    if view is None or declared is None:
        return False
    policy = subset_policy(view.rule, subset, port)
    encrypted = policy.tls.mode == "ISTIO_MUTUAL" if policy.tls else view.mesh_tls
    return encrypted and upstream_protocol(declared, policy) == DOWNSTREAM
