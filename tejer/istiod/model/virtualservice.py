"""VirtualServices: short names resolved, delegates merged in, and which apply to a sidecar or a gateway.

Sources: pilot/pkg/model/virtualservice.go, `istio.md` V1, V21, V25, V29, V30, X18.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from tejer.istiod.model.config import Config, selects, with_spec
from tejer.istiod.model.hosts import resolve, visible
from tejer.kube.kinds.istio_networking import (
    Destination,
    HTTPMatchRequest,
    HTTPRoute,
    L4MatchAttributes,
    TLSMatchAttributes,
    VirtualServiceSpec,
)
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Key

MESH = "mesh"
VirtualService = Config[VirtualServiceSpec]
AnyMatch = HTTPMatchRequest | L4MatchAttributes | TLSMatchAttributes


def gateway_name(name: str, namespace: str) -> str:
    """A VirtualService's `gateways[]` entry as `namespace/name`; the word `mesh` stays."""
    if name == MESH or "/" in name:
        return name
    if "." in name:  # the legacy name.namespace.svc.domain
        short, where = name.split(".")[:2]
        return f"{where}/{short}"
    return f"{namespace}/{name}"


def resolved(config: VirtualService, domain: str) -> VirtualService:
    """Every host, destination and gateway name spelled out in full."""
    namespace, spec = config.namespace, config.spec

    def full(destination: Destination | None) -> Destination | None:
        if destination is None:
            return None
        return replace(destination, host=resolve(destination.host, namespace, domain).lower())

    def gateways(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(gateway_name(name, namespace) for name in names)

    http = tuple(
        replace(
            route,
            match=tuple(replace(match, gateways=gateways(match.gateways)) for match in route.match),
            route=tuple(replace(to, destination=full(to.destination)) for to in route.route),
            mirror=full(route.mirror),
            mirrors=tuple(replace(mirror, destination=full(mirror.destination)) for mirror in route.mirrors),
        )
        for route in spec.http
    )
    tcp = tuple(
        replace(
            route,
            match=tuple(replace(match, gateways=gateways(match.gateways)) for match in route.match),
            route=tuple(replace(to, destination=full(to.destination)) for to in route.route),
        )
        for route in spec.tcp
    )
    tls = tuple(
        replace(
            route,
            match=tuple(replace(match, gateways=gateways(match.gateways)) for match in route.match),
            route=tuple(replace(to, destination=full(to.destination)) for to in route.route),
        )
        for route in spec.tls
    )
    return with_spec(
        config,
        replace(
            spec,
            hosts=tuple(resolve(host, namespace, domain).lower() for host in spec.hosts),
            gateways=gateways(spec.gateways or (MESH,)),
            http=http,
            tcp=tcp,
            tls=tls,
        ),
    )


def source_matches(match: AnyMatch, gateway: str, namespace: str, labels: dict[str, str]) -> bool:
    """Whether a match can hold for traffic that leaves this proxy through `gateway` (`mesh` for a sidecar)."""
    if match.gateways:
        return gateway in match.gateways
    return selects(match.source_labels, labels) and match.source_namespace in ("", namespace)


def reads_labels(config: VirtualService) -> bool:
    """Whether a match asks for the caller's labels."""
    spec = config.spec
    return (
        any(match.source_labels for http in spec.http for match in http.match)
        or any(match.source_labels for tcp in spec.tcp for match in tcp.match)
        or any(match.source_labels for tls in spec.tls for match in tls.match)
    )


def for_sidecar(
    configs: Iterable[VirtualService], namespace: str, default_export: tuple[str, ...]
) -> tuple[VirtualService, ...]:
    """Those of the mesh that a sidecar of `namespace` sees, oldest first. Delegates (no hosts) are not among them."""
    return tuple(
        sorted(
            (
                config
                for config in configs
                if MESH in config.spec.gateways
                and config.spec.hosts
                and visible(config.spec.export_to or default_export, config.namespace, namespace)
            ),
            key=lambda config: config.age,
        )
    )


def with_delegates(
    root: VirtualService, find: Callable[[str, str], VirtualService | None]
) -> tuple[VirtualService, list[Problem]]:
    """`root` with each delegating route replaced by the delegate's routes (one level).

    `find(namespace, name)` gives a delegate. A route whose delegate is missing or contradicts it is left out, and
    reported.
    """
    if not any(route.delegate for route in root.spec.http):
        return root, []
    routes: list[HTTPRoute] = []
    problems: list[Problem] = []
    for index, route in enumerate(root.spec.http):
        if route.delegate is None:
            routes.append(route)
            continue
        where, name = route.delegate.namespace or root.namespace, route.delegate.name
        delegate = find(where, name)
        if delegate is None or delegate.spec.hosts:
            problems.append(_problem(root.key, index, f"delegate {where}/{name} is not a VirtualService without hosts"))
            continue
        for inner in delegate.spec.http:
            if (merged := _merge_route(route, inner)) is not None:
                routes.append(merged)
            else:
                problems.append(
                    _problem(
                        root.key, index, f"a route of delegate {where}/{name} does not fit within the root's match"
                    )
                )
    return with_spec(root, replace(root.spec, http=tuple(routes))), problems


def _problem(key: Key, index: int, message: str) -> Problem:
    return Problem(
        severity=Severity.WARNING,
        key=key,
        kind="VirtualService",
        field=f"spec.http[{index}].delegate",
        message=message,
        hint="the route is left out until this is put right",
    )


_INHERITED = (
    "rewrite", "timeout", "retries", "fault", "mirror", "mirror_percent", "mirror_percentage", "cors_policy", "headers",
    "redirect", "direct_response", "mirrors",
)  # fmt: skip


def _merge_route(root: HTTPRoute, inner: HTTPRoute) -> HTTPRoute | None:
    """The delegate's route under the root's: its fields win, what it leaves out is the root's."""
    matches = _merge_matches(root.match, inner.match)
    if matches is None:
        return None
    name = "-".join(part for part in (root.name, inner.name) if part)
    changes = {
        field: getattr(root, field)
        for field in _INHERITED
        if getattr(inner, field) in (None, (), "") and getattr(root, field) not in (None, (), "")
    }
    return replace(inner, name=name, match=matches, **changes)


def _merge_matches(
    outer: tuple[HTTPMatchRequest, ...], inner: tuple[HTTPMatchRequest, ...]
) -> tuple[HTTPMatchRequest, ...] | None:
    if not outer or not inner:
        return outer or inner
    merged = [found for a in outer for b in inner if (found := _merge_match(a, b)) is not None]
    return tuple(merged) or None


def _merge_match(outer: HTTPMatchRequest, inner: HTTPMatchRequest) -> HTTPMatchRequest | None:
    """Both conditions together; None when they contradict, or when a regex makes that impossible to tell."""
    changes: dict[str, object] = {}
    for field in ("uri", "scheme", "method", "authority"):
        a, b = getattr(outer, field), getattr(inner, field)
        if a is not None and b is not None:
            if not _is_subset(a, b):
                return None
        elif a is not None:
            changes[field] = a
    for field in ("headers", "query_params", "without_headers"):
        a, b = getattr(outer, field), getattr(inner, field)
        if any(name in b and not _is_subset(value, b[name]) for name, value in a.items()):
            return None
        changes[field] = {**a, **b}
    if outer.port and inner.port and outer.port != inner.port:
        return None
    changes["port"] = inner.port or outer.port
    if any(inner.source_labels.get(name, value) != value for name, value in outer.source_labels.items()):
        return None
    changes["source_labels"] = {**outer.source_labels, **inner.source_labels}
    changes["gateways"] = inner.gateways or outer.gateways
    changes["source_namespace"] = inner.source_namespace or outer.source_namespace
    changes["ignore_uri_case"] = inner.ignore_uri_case or outer.ignore_uri_case
    changes["name"] = "-".join(part for part in (outer.name, inner.name) if part)
    return replace(inner, **changes)


def _is_subset(outer: object, inner: object) -> bool:
    """Whether all that the StringMatch `inner` takes is also taken by `outer`."""
    a_regex, b_regex = getattr(outer, "regex", ""), getattr(inner, "regex", "")
    if a_regex or b_regex:
        return False
    a_exact, a_prefix = getattr(outer, "exact", ""), getattr(outer, "prefix", "")
    b_exact, b_prefix = getattr(inner, "exact", ""), getattr(inner, "prefix", "")
    if a_exact:
        return bool(b_exact == a_exact)
    return bool((b_exact or b_prefix).startswith(a_prefix))
