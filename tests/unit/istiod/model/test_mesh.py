"""The mesh's graph: after any history of changes a proxy gets what it would get from a fresh start."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from tejer.istiod.model.mesh import MeshState
from tejer.istiod.model.node import ProxyNode, parse_node
from tejer.istiod.translate.render import render
from tejer.istiod.translate.rendered import CLUSTER, ENDPOINT, ROUTE, Memo, Rendered
from tejer.kube.resource import Body, Change, Key
from tests.support.mesh_world import TYPES, World

NAMESPACES = ("a", "b", "istio-system")
APPS = ("web", "db")


def pod(rng: random.Random, namespace: str, name: str) -> Body:
    app = rng.choice(APPS)
    labels = {"app": app, "version": rng.choice(("v1", "v2"))}
    if rng.random() < 0.7:
        labels["security.istio.io/tlsMode"] = "istio"
    return {
        "metadata": {"labels": labels},
        "spec": {"serviceAccountName": app},
        "status": {"podIP": f"10.0.{NAMESPACES.index(namespace)}.{int(name[1:]) + 1}"},
    }


def service(rng: random.Random, namespace: str, name: str) -> Body:
    ports = [{"name": rng.choice(("http", "tcp", "x")), "port": rng.choice((80, 81)), "targetPort": 8080}]
    return {"spec": {"clusterIP": f"10.96.{NAMESPACES.index(namespace)}.{int(name[1:]) + 1}",
                     "selector": {"app": rng.choice(APPS)}, "ports": ports}}  # fmt: skip


def endpoint_slice(rng: random.Random, namespace: str, name: str) -> Body:
    number = rng.randrange(3)
    address = f"10.0.{NAMESPACES.index(namespace)}.{number + 1}"
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": f"n{rng.randrange(3)}"}},
        "addressType": "IPv4",
        "ports": [{"name": rng.choice(("http", "tcp", "x")), "port": 8080}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": rng.random() < 0.8},
                       "targetRef": {"kind": "Pod", "name": f"n{number}"}}],
    }  # fmt: skip


def destination_rule(rng: random.Random, namespace: str, name: str) -> Body:
    rule: Body = {"host": f"n{rng.randrange(3)}", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]}
    if rng.random() < 0.5:
        rule["trafficPolicy"] = {"tls": {"mode": rng.choice(("DISABLE", "ISTIO_MUTUAL"))}}
    if rng.random() < 0.3:
        rule["exportTo"] = ["."]
    return {"apiVersion": "networking.istio.io/v1", "spec": rule}


def virtual_service(rng: random.Random, namespace: str, name: str) -> Body:
    route: Body = {"route": [{"destination": {"host": f"n{rng.randrange(3)}"}}], "timeout": f"{rng.randrange(1, 4)}s"}
    if rng.random() < 0.3:
        route["match"] = [{"sourceLabels": {"app": rng.choice(APPS)}}]
    if rng.random() < 0.2:
        route = {"delegate": {"name": f"n{rng.randrange(3)}"}}
    hosts = [f"n{rng.randrange(3)}"] if rng.random() < 0.8 else []
    return {"apiVersion": "networking.istio.io/v1", "spec": {"hosts": hosts, "http": [route]}}


def peer_authentication(rng: random.Random, namespace: str, name: str) -> Body:
    spec: Body = {"mtls": {"mode": rng.choice(("STRICT", "PERMISSIVE", "DISABLE"))}}
    if rng.random() < 0.5:
        spec |= {"selector": {"matchLabels": {"app": rng.choice(APPS)}}, "portLevelMtls": {"8080": {"mode": "DISABLE"}}}
    return {"apiVersion": "security.istio.io/v1", "spec": spec}


def authorization_policy(rng: random.Random, namespace: str, name: str) -> Body:
    spec: Body = {"action": rng.choice(("ALLOW", "DENY")), "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}
    if rng.random() < 0.5:
        spec["selector"] = {"matchLabels": {"app": rng.choice(APPS)}}
    return {"apiVersion": "security.istio.io/v1", "spec": spec}


def sidecar(rng: random.Random, namespace: str, name: str) -> Body:
    egress = [{"hosts": [rng.choice(("./*", "a/*", "*/*"))]}]
    return {"apiVersion": "networking.istio.io/v1", "spec": {"egress": egress}}


MAKERS = {
    "Pod": pod, "Service": service, "EndpointSlice": endpoint_slice, "DestinationRule": destination_rule,
    "VirtualService": virtual_service, "PeerAuthentication": peer_authentication,
    "AuthorizationPolicy": authorization_policy, "Sidecar": sidecar,
}  # fmt: skip


def change(rng: random.Random, held: dict[Key, Body], moment: int) -> Change:
    kind = rng.choice(tuple(MAKERS))
    namespace, name = rng.choice(NAMESPACES), f"n{rng.randrange(3)}"
    key = TYPES[kind].key(namespace, name)
    old = held.get(key)
    if old is not None and rng.random() < 0.3:
        del held[key]
        return Change(key, old, None)
    made = MAKERS[kind](rng, namespace, name)
    made["kind"] = kind
    made.setdefault("metadata", {}).update(
        name=name, namespace=namespace, creationTimestamp=f"2026-01-01T{moment // 60:02}:{moment % 60:02}:00Z"
    )
    held[key] = made
    return Change(key, old, made)


def nodes() -> list[ProxyNode]:
    return [
        parse_node(f"sidecar~10.0.{i}.{n + 1}~n{n}.{namespace}~{namespace}.svc.cluster.local",
                   {"LABELS": {"app": APPS[n], "version": "v1"}, "WORKLOAD_NAME": APPS[n]})
        for i, namespace in enumerate(NAMESPACES) for n in range(2)
    ]  # fmt: skip


def no_yaml(_: str) -> dict[str, Any]:
    return {}


def rendered(state: MeshState, memo: Memo) -> list[Rendered]:
    return [render(state.view(node), memo) for node in nodes()]


@pytest.mark.parametrize("seed", range(15))
def test_incremental_is_from_scratch(seed: int) -> None:
    rng = random.Random(seed)
    state, memo = MeshState(no_yaml), Memo()
    held: dict[Key, Body] = {}
    for moment in range(12):
        state.apply([change(rng, held, moment * 10 + n) for n in range(rng.randrange(1, 8))])
        got = rendered(state, memo)
    fresh = MeshState(no_yaml)
    fresh.apply([Change(key, None, copy.deepcopy(body)) for key, body in held.items()])
    assert got == rendered(fresh, Memo())
    assert {str(p) for p in state.problems()} == {str(p) for p in fresh.problems()}


SHOP = """
kind: Pod
metadata: {name: web, labels: {app: web, security.istio.io/tlsMode: istio}}
spec: {serviceAccountName: web}
status: {podIP: 10.0.0.1}
---
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}
---
kind: Service
metadata: {name: other}
spec: {clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}
"""


def test_a_change_keeps_the_bytes_it_does_not_concern() -> None:
    world = World(SHOP)
    before = world.render()
    world.load(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: other}\n"
        "spec: {host: other, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}"
    )
    after = world.render()
    changed = {
        (url, name)
        for url in before.resources
        for name, found in after.of(url).items()
        if before.of(url).get(name) is None or before.of(url)[name].version != found.version
    }
    assert changed == {(CLUSTER, "outbound|80||other.default.svc.cluster.local")}


def test_a_status_update_changes_no_view() -> None:
    world = World(SHOP)
    before = world.view
    touched = copy.deepcopy(next(body for key, body in world.objects.items() if key.resource == "pods"))
    touched["metadata"]["resourceVersion"] = "99"
    touched["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    world.state.apply([Change(TYPES["Pod"].key("default", "web"), None, touched)])
    assert world.view is before


ENTRY = """
kind: ServiceEntry
metadata: {name: %s}
spec:
  hosts: [shared.example]
  addresses: [%s]
  ports: [{number: %d, name: p, protocol: TCP}]
  resolution: STATIC
  endpoints: [{address: %s}]
"""


def test_entries_of_one_host_are_one_service() -> None:
    first, second = ENTRY % ("a", "192.0.2.1", 80, "10.1.1.1"), ENTRY % ("b", "192.0.2.2", 443, "10.1.1.2")
    world = World("\n---\n".join((SHOP, first, second, ENTRY % ("c", "192.0.2.2", 443, "10.1.1.3"))))
    (found,) = [view for view in world.view.services if view.service.hostname == "shared.example"]
    assert [port.number for port in found.service.ports] == [80, 443]
    assert found.service.addresses == ("192.0.2.1", "192.0.2.2")
    assert [e.address for e in found.endpoints.of(443)] == ["10.1.1.2", "10.1.1.3"]
    assert world.state.problems() == []


def test_labels_are_those_that_the_pod_has_now() -> None:
    world = World(SHOP)
    node = world.node
    assert world.state.view(node).labels["app"] == "web"
    world.load(SHOP.replace("app: web,", "app: moved,").partition("---")[0])
    assert world.state.view(node).labels["app"] == "moved"


def test_a_pod_that_goes_leaves_only_endpoints_behind() -> None:
    world = World(SHOP)
    before = world.render()
    world.delete("Pod", "default", "web")
    after = world.render()
    name = "outbound|80||web.default.svc.cluster.local"
    assert before.of(ENDPOINT)[name] != after.of(ENDPOINT)[name]
    assert after.of(ROUTE) == before.of(ROUTE)


def test_an_unreadable_object_keeps_its_last_good_form() -> None:
    world = World(SHOP)
    good = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec: {hosts: [web], http: [{timeout: 7s, route: [{destination: {host: web}}]}]}
"""
    world.load(good)
    before = world.render()
    world.load(good.replace("7s", "[]"))
    assert world.render() == before
    (problem,) = world.state.problems()
    assert problem.key == TYPES["VirtualService"].key("default", "web")
    assert "timeout" in problem.message
    world.load(good.replace("7s", "8s"))
    assert world.state.problems() == []
    assert world.render() != before


def test_one_that_cannot_be_translated_keeps_the_last_good_resource() -> None:
    world = World(SHOP)
    good = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 7s}}}}
"""
    world.load(good)
    before = world.render()
    world.load(good.replace("7s", "never"))
    for _ in range(2):  # and it is said again each time
        after = world.render()
        assert after.resources == before.resources
        assert {problem.key for problem in after.problems} == {TYPES["DestinationRule"].key("default", "web")}
        assert all("never" in problem.message for problem in after.problems)


def test_a_proxy_that_leaves_is_forgotten() -> None:
    world = World(SHOP)
    world.render()
    world.state.disconnect(world.node)
    assert len(world.state.views.views) == 0
    assert len(world.state.views.scopes.scopes) == 0
