"""The parts of a render: clusters with their endpoints, listeners, routes, secrets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from google.protobuf.message import Message

from tejer.istiod.model.node import ROUTER
from tejer.istiod.model.settings import DYNAMIC_DNS
from tejer.istiod.model.view import ProxyView, ServiceView
from tejer.istiod.model.virtualservice import reads_labels
from tejer.istiod.translate import (
    clusters,
    gateway_listeners,
    gateway_routes,
    gateway_tls,
    inbound,
    names,
    outbound,
    providers,
)
from tejer.istiod.translate.authorization import Guards, guards
from tejer.istiod.translate.catalog import catalog
from tejer.istiod.translate.endpoints import assignment
from tejer.istiod.translate.rendered import CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET
from tejer.istiod.translate.virtual_hosts import sidecar_routes

if TYPE_CHECKING:
    from tejer.istiod.translate.render import Renderer


def cluster_section(renderer: Renderer) -> None:
    view, mesh = renderer.view, renderer.view.mesh
    renderer.section("outbound clusters", (view.services, mesh), _outbound_clusters)
    renderer.add(CLUSTER, names.BLACK_HOLE, mesh, lambda: clusters.black_hole(mesh), scope="")
    renderer.add(CLUSTER, names.PASSTHROUGH, mesh, lambda: clusters.passthrough(mesh), scope="")
    if view.type == ROUTER:
        return
    renderer.add(CLUSTER, names.INBOUND_PASSTHROUGH, mesh, lambda: clusters.inbound_passthrough(mesh), scope="")
    if outbound.outbound_mode(view) == DYNAMIC_DNS:
        renderer.add(CLUSTER, names.DYNAMIC_DNS, mesh, lambda: clusters.dynamic_dns(mesh), scope="")
    for port in view.inbound.ports:
        renderer.add(
            CLUSTER,
            names.inbound_cluster(port.target),
            (port, mesh, view.own_address if port.endpoint else ""),
            partial(clusters.inbound, port, mesh, view.own_address),
            (port.service.source, *(port.rule.sources if port.rule else ())),
            scope=view.subject.workload,
        )


def _outbound_clusters(renderer: Renderer) -> None:
    for found in renderer.view.services:
        name = f"clusters of {found.service.hostname}"
        renderer.section(name, (found, renderer.view.mesh), partial(_service_clusters, found))


def _service_clusters(found: ServiceView, renderer: Renderer) -> None:
    view, service = renderer.view, found.service
    router = view.type == ROUTER
    rule_keys = found.rule.sources if found.rule else ()
    subsets = ("", *(subset.name for subset in found.rule.subsets)) if found.rule else ("",)
    eds = clusters.uses_eds(service, router=router)
    outliers = found.rule is not None
    for port in service.ports:
        if port.protocol == "UDP":
            continue
        endpoints = found.endpoints.of(port.number)
        for subset in subsets:
            given = clusters.ClusterInput(
                service=service,
                port=port,
                subset=subset,
                rule=found.rule,
                mesh_tls=found.mesh_tls,
                accounts=found.endpoints.accounts,
                mesh=view.mesh,
                endpoints=() if eds else endpoints,
                router=router,
            )
            sources = (service.source, *rule_keys)
            renderer.add(CLUSTER, given.name, given, partial(clusters.outbound, given), sources)
            if not eds or given.name not in renderer.resources[CLUSTER]:
                continue
            detection = given.policy.outlier_detection if outliers else None
            only_ready = bool(detection and detection.min_health_percent)
            labels = given.labels
            renderer.add(
                ENDPOINT,
                given.name,
                (endpoints, labels, only_ready),
                partial(assignment, given.name, endpoints, labels, only_ready=only_ready),
                sources,
            )


def listener_section(renderer: Renderer) -> None:
    view = renderer.view
    if view.type == ROUTER:
        _gateway_listeners(renderer)
        return
    own = (view.subject, view.telemetry, view.mesh, providers.collectors(view))
    scope = (view.namespace, view.subject.workload, view.subject.version)
    mode = outbound.outbound_mode(view)
    planned = _plans(renderer)
    renderer.problems += planned.problems
    for plan in planned.plans:
        renderer.add(
            LISTENER,
            plan.name,
            (plan, own, mode),
            partial(outbound.build, plan, view),
            plan.sources,
            scope=scope,
        )
    renderer.add(LISTENER, names.VIRTUAL_OUTBOUND, (own, mode), lambda: outbound.virtual_outbound(view), scope=scope)
    guard = _guards(renderer)
    renderer.add(
        LISTENER,
        names.VIRTUAL_INBOUND,
        (own, view.inbound, view.policies, view.own_address),
        lambda: inbound.virtual_inbound(view, guard),
        (*view.inbound.modes.sources, *(policy.key for policy in view.policies.all)),
        scope=scope,
    )


def _plans(renderer: Renderer) -> outbound.Plans:
    view, memo = renderer.view, renderer.memo
    made = memo.get(
        ("plans", renderer.share, view.own_address),
        (view.services, view.virtual_services, _labels_read(view)),
        lambda: outbound.Planner(view, catalog(view, memo), memo.broken).run(),
        lambda error: renderer.fail("outbound listeners", (), error),
    )
    return made or outbound.Plans((), ())


def _guards(renderer: Renderer) -> Guards:
    view = renderer.view
    key = ("guards", view.namespace, view.subject.workload, view.subject.version)
    made = renderer.memo.get(
        key,
        (view.policies, view.mesh),
        lambda: guards(view.policies, view.mesh),
        lambda error: renderer.fail("authorization", tuple(policy.key for policy in view.policies.all), error),
    )
    if made is None:
        raise RuntimeError("no authorization filters could be made: nothing may be let in without them")
    renderer.problems += made.problems
    return made


def _gateway_listeners(renderer: Renderer) -> None:
    view = renderer.view
    guard = _guards(renderer)
    own = (view.subject, view.telemetry, view.mesh, providers.collectors(view), view.policies, view.gateway)
    known = catalog(view, renderer.memo)
    ports = {host: found.service.ports for host, found in known.by_host.items()}
    for planned in gateway_listeners.plan(view):
        renderer.add(
            LISTENER,
            planned.name,
            (planned, own, ports),
            partial(gateway_listeners.build, planned, view, known, guard),
            planned.sources,
            scope=(view.namespace, view.subject.workload, view.subject.version),
        )


def route_section(renderer: Renderer) -> None:
    view = renderer.view
    if view.type == ROUTER:
        for table in gateway_routes.tables(view):
            renderer.add(
                ROUTE,
                table.name,
                table,
                partial(gateway_routes.build, table, renderer.memo.broken),
                table.sources,
                scope=(view.namespace, view.subject.workload),
            )
        return
    inputs = (view.services, view.virtual_services, view.mesh, outbound.outbound_mode(view), _labels_read(view))
    renderer.section("routes", inputs, _sidecar_routes)


def _labels_read(view: ProxyView) -> dict[str, str] | None:
    """The proxy's labels where some route asks for them."""
    return view.labels if any(map(reads_labels, view.virtual_services)) else None


def _sidecar_routes(renderer: Renderer) -> None:
    for found in sidecar_routes(renderer.view, renderer.memo, renderer.fail, renderer.share):
        renderer.add(ROUTE, found.name, found.hosts, found.serialize, found.sources)


def secret_section(renderer: Renderer) -> None:
    for secret in renderer.view.gateway.secrets:
        for made in gateway_tls.secret_resources(secret):
            renderer.add(SECRET, made.name, secret, partial(_as_is, made))


def _as_is(message: Message) -> Message:
    return message
