"""Envoy's own matching, on its messages: listeners, filter chains (the "sieve"), virtual hosts and routes."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence

from tejer.envoy.proto import (
    FilterChain,
    FilterChainMatch,
    HeaderMatcher,
    Listener,
    ListenerFilter,
    ListenerFilterChainMatchPredicate,
    Route,
    RouteConfiguration,
    StringMatcher,
    VirtualHost,
)
from tejer.istiod.simulate.call import INBOUND, MTLS, PLAINTEXT, TLS, Call
from tejer.istiod.translate import names

RAW_BUFFER, TLS_TRANSPORT = "raw_buffer", "tls"


def listener(listeners: Iterable[Listener], call: Call) -> Listener | None:
    """Exact address, then the wildcard address, then `virtualOutbound`; inbound calls meet `virtualInbound`."""
    found = {made.name: made for made in listeners}
    if call.mode == INBOUND:
        return found.get(names.VIRTUAL_INBOUND)
    for address in (call.address, names.WILDCARD):
        for made in found.values():
            socket = made.address.socket_address
            if socket.address == address and socket.port_value == call.port:
                return made
    return found.get(names.VIRTUAL_OUTBOUND)


def inspects(made: Listener, kind: str, port: int) -> bool:
    """Whether the listener filter of that kind looks at connections to `port`."""
    return any(_is(found, kind) and not _disabled(found, port) for found in made.listener_filters)


def _is(found: ListenerFilter, kind: str) -> bool:
    return found.name == f"envoy.filters.listener.{kind}"


def _disabled(found: ListenerFilter, port: int) -> bool:
    return found.HasField("filter_disabled") and _fits(found.filter_disabled, port)


def _fits(predicate: ListenerFilterChainMatchPredicate, port: int) -> bool:
    if predicate.HasField("not_match"):
        return not _fits(predicate.not_match, port)
    if predicate.HasField("or_match"):
        return any(_fits(rule, port) for rule in predicate.or_match.rules)
    return predicate.destination_port_range.start <= port < predicate.destination_port_range.end


def filter_chains(made: Listener, call: Call, *, tls_inspected: bool) -> list[FilterChain]:
    """The chains that are left after Envoy's steps: port, network, server name, transport, ALPN."""
    chains = list(made.filter_chains)
    chains = _step(chains, lambda m: m.HasField("destination_port"), lambda m: m.destination_port.value == call.port)
    chains = _networks(chains, call.address)
    chains = _server_names(chains, call.sni)
    chains = _step(
        chains, lambda m: bool(m.transport_protocol), lambda m: m.transport_protocol == _transport(call, tls_inspected)
    )
    return _step(chains, lambda m: bool(m.application_protocols), lambda m: call.alpn in m.application_protocols)


def _transport(call: Call, tls_inspected: bool) -> str:
    return TLS_TRANSPORT if tls_inspected and call.tls in (TLS, MTLS) and call.tls != PLAINTEXT else RAW_BUFFER


def _step(
    chains: Sequence[FilterChain],
    restricts: Callable[[FilterChainMatch], bool],
    fits: Callable[[FilterChainMatch], bool],
) -> list[FilterChain]:
    """Chains that ask for this and get it; if there are none, those that do not ask."""
    asked = [c for c in chains if restricts(c.filter_chain_match) and fits(c.filter_chain_match)]
    return asked or [c for c in chains if not restricts(c.filter_chain_match)]


def _networks(chains: Sequence[FilterChain], address: str) -> list[FilterChain]:
    ip = ipaddress.ip_address(address)

    def length(match: FilterChainMatch) -> int:
        fitting = [
            r.prefix_len.value
            for r in match.prefix_ranges
            if ip in ipaddress.ip_network(f"{r.address_prefix}/{r.prefix_len.value}", strict=False)
        ]
        return max(fitting, default=-1)

    best = max((length(c.filter_chain_match) for c in chains), default=-1)
    if best < 0:
        return [c for c in chains if not c.filter_chain_match.prefix_ranges]
    return [c for c in chains if length(c.filter_chain_match) == best]


def _server_names(chains: Sequence[FilterChain], sni: str) -> list[FilterChain]:
    candidates = [sni]
    labels = sni.split(".")
    candidates += ["*." + ".".join(labels[index:]) for index in range(1, len(labels))]
    for name in candidates if sni else ():
        found = [c for c in chains if name in c.filter_chain_match.server_names]
        if found:
            return found
    return [c for c in chains if not c.filter_chain_match.server_names]


def virtual_host(config: RouteConfiguration, host: str) -> VirtualHost | None:
    """Exact domain, then the longest `*suffix`, then the longest `prefix*`, then `*`. Case does not count."""
    if config.ignore_port_in_host_matching:
        host = re.sub(r"(?<=[^:]):\d+$|(?<=\]):\d+$", "", host)
    wanted = host.lower()
    pairs = [(domain.lower(), made) for made in config.virtual_hosts for domain in made.domains]
    for domain, made in pairs:
        if domain == wanted:
            return made
    suffixes = [(d, v) for d, v in pairs if d.startswith("*") and d != "*" and wanted.endswith(d[1:])]
    prefixes = [(d, v) for d, v in pairs if d.endswith("*") and d != "*" and wanted.startswith(d[:-1])]
    for group in (suffixes, prefixes):
        if group:
            return max(group, key=lambda pair: len(pair[0]))[1]
    return next((made for domain, made in pairs if domain == "*"), None)


def route(host: VirtualHost, call: Call) -> Route | None:
    return next((made for made in host.routes if _route_fits(made, call)), None)


def _route_fits(made: Route, call: Call) -> bool:
    match, (path, _, query) = made.match, call.path.partition("?")
    kind = match.WhichOneof("path_specifier")
    sensitive = not match.HasField("case_sensitive") or match.case_sensitive.value
    if not sensitive:
        path = path.lower()
    prefix, exact = (match.prefix, match.path) if sensitive else (match.prefix.lower(), match.path.lower())
    if kind == "prefix" and not path.startswith(prefix):
        return False
    if kind == "path" and path != exact:
        return False
    if kind == "safe_regex" and not re.fullmatch(match.safe_regex.regex, path):
        return False
    given = {":method": call.method, ":authority": call.host, ":scheme": "http", **call.headers}
    lowered = {name.lower(): value for name, value in given.items()}
    if not all(_header_fits(matcher, lowered) for matcher in match.headers):
        return False
    params = dict(part.partition("=")[::2] for part in query.split("&") if part)
    return all(
        p.name in params and (p.present_match or text_fits(p.string_match, params[p.name]))
        for p in match.query_parameters
    )


def _header_fits(matcher: HeaderMatcher, headers: dict[str, str]) -> bool:
    value = headers.get(matcher.name.lower())
    if value is None and matcher.treat_missing_header_as_empty:
        value = ""
    if matcher.WhichOneof("header_match_specifier") == "present_match":
        fits = (value is not None) == matcher.present_match
    else:
        fits = value is not None and text_fits(matcher.string_match, value)
    return fits != matcher.invert_match


def text_fits(matcher: StringMatcher, value: str) -> bool:
    kind = matcher.WhichOneof("match_pattern")
    if kind == "safe_regex":
        return re.fullmatch(matcher.safe_regex.regex, value) is not None
    wanted = {"exact": matcher.exact, "prefix": matcher.prefix, "suffix": matcher.suffix, "contains": matcher.contains}
    text = wanted.get(kind or "", "")
    if matcher.ignore_case:
        text, value = text.lower(), value.lower()
    tests = {"exact": value == text, "prefix": value.startswith(text), "suffix": value.endswith(text)}
    return tests.get(kind or "", text in value)
