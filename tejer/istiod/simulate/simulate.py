"""`Simulation`: a call through generated configuration without sending it, decided as Envoy would decide it.

Source: pilot/pkg/simulation/traffic.go. Pure: it reads a `Rendered` and nothing else.
"""

from __future__ import annotations

from msgspec.structs import replace

from tejer.envoy.proto import (
    DownstreamTlsContext,
    FilterChain,
    HttpConnectionManager,
    Listener,
    RouteConfiguration,
    TcpProxy,
    VirtualHost,
    unpack,
)
from tejer.istiod.simulate import call as c
from tejer.istiod.simulate import matching
from tejer.istiod.simulate.call import Answer, Call
from tejer.istiod.translate import filters
from tejer.istiod.translate.rendered import LISTENER, ROUTE, Rendered


class Simulation:
    """Listeners and routes of one proxy, decoded once."""

    def __init__(self, rendered: Rendered) -> None:
        self.listeners = [Listener.FromString(found.body) for found in rendered.of(LISTENER).values()]
        self.routes = {name: RouteConfiguration.FromString(found.body) for name, found in rendered.of(ROUTE).items()}

    def run(self, call: Call) -> Answer:
        call = call.filled()
        listener = matching.listener(self.listeners, call)
        if listener is None:
            return Answer(error=c.NO_LISTENER)
        answer = Answer(listener=listener.name)
        inspected = matching.inspects(listener, "tls_inspector", call.port)
        if not inspected:
            call = replace(call, alpn="")
        if matching.inspects(listener, "http_inspector", call.port) and call.tls == c.PLAINTEXT and call.plain_alpn:
            call = replace(call, alpn=call.plain_alpn)
        chains = matching.filter_chains(listener, call, tls_inspected=inspected)
        if len(chains) > 1:
            return replace(answer, error=c.MULTIPLE_FILTER_CHAINS)
        if chains:
            chain = chains[0]
        elif listener.HasField("default_filter_chain"):
            chain = listener.default_filter_chain
        else:
            return replace(answer, error=c.NO_FILTER_CHAIN)
        return self._chain(chain, call, replace(answer, filter_chain=chain.name))

    def _chain(self, chain: FilterChain, call: Call, answer: Answer) -> Answer:
        terminates = chain.HasField("transport_socket")
        if terminates and call.tls == c.PLAINTEXT:
            return replace(answer, error=c.TLS_ERROR)
        if terminates and _requires_mtls(chain, call.certificate) != (call.tls == c.MTLS):
            return replace(answer, error=c.MTLS_ERROR)
        for found in chain.filters:
            if found.name == filters.HCM_NAME:
                manager = unpack(found.typed_config, HttpConnectionManager)
                return self._http(manager, call, answer, terminates=terminates)
            if found.name == filters.TCP_PROXY_NAME:
                return _tcp(unpack(found.typed_config, TcpProxy), answer)
        return answer

    def _http(self, manager: HttpConnectionManager, call: Call, answer: Answer, *, terminates: bool) -> Answer:
        if call.protocol not in (c.HTTP, c.HTTP2) or (call.tls != c.PLAINTEXT and not terminates):
            return replace(answer, error=c.PROTOCOL_ERROR)
        config = manager.route_config
        if manager.HasField("rds"):
            answer = replace(answer, route_config=manager.rds.route_config_name)
            config = self.routes.get(answer.route_config, RouteConfiguration())
        host = matching.virtual_host(config, call.host)
        if host is None:
            return replace(answer, error=c.NO_VIRTUAL_HOST)
        answer = replace(answer, virtual_host=host.name)
        if host.require_tls == VirtualHost.ALL and call.tls == c.PLAINTEXT:
            return replace(answer, error=c.TLS_REDIRECT)
        route = matching.route(host, call)
        if route is None:
            return replace(answer, error=c.NO_ROUTE)
        answer = replace(answer, route=route.name)
        if route.HasField("direct_response"):
            return replace(answer, status=route.direct_response.status)
        weighted = tuple((w.name, w.weight.value) for w in route.route.weighted_clusters.clusters)
        cluster = route.route.cluster
        return replace(answer, cluster=cluster, clusters=weighted or (((cluster, 1),) if cluster else ()))


def _tcp(proxy: TcpProxy, answer: Answer) -> Answer:
    weighted = tuple((w.name, w.weight) for w in proxy.weighted_clusters.clusters)
    return replace(answer, cluster=proxy.cluster, clusters=weighted or ((proxy.cluster, 1),))


def _requires_mtls(chain: FilterChain, certificate: str) -> bool:
    context = unpack(chain.transport_socket.typed_config, DownstreamTlsContext)
    common = context.common_tls_context
    names = [found.name for found in common.tls_certificate_sds_secret_configs]
    names += [f"file-cert:{c.certificate_chain.filename}~{c.private_key.filename}" for c in common.tls_certificates]
    return bool(names) and names[0] == certificate and context.require_client_certificate.value
