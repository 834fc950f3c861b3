"""Analysis kept up to date says what analysis from scratch says, after any history of edits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tejer.istiod.checks.analysis import Analysis, analyze
from tejer.istiod.checks.objects import key_of
from tejer.istiod.checks.world import Settings, World
from tejer.kube.kinds.istio_mesh import MeshConfig
from tejer.kube.resource import Body, Key
from tests.unit.istiod.checks.objects import istio, objects

NAMES = st.sampled_from(("a", "b"))
HOSTS = st.sampled_from(("a", "b", "a.shop.svc.cluster.local", "api.example.com", "*.example.com", "*"))
SPACES = st.sampled_from(("shop", "bank"))
SUBSETS = st.sampled_from(("", ", subset: v1", ", subset: v2"))
LABELS = st.sampled_from(("{}", "{app: a}", "{app: a, version: v1}", "{app: b, version: v2}"))


def _kube(text: str) -> Body:
    (body,) = objects(text)
    return body


def _pod(name: str, space: str, labels: str, proxy: bool) -> Body:
    more = ", {name: istio-proxy, image: p}" if proxy else ""
    return _kube(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {space}, labels: {labels}}}\n"
                 f"spec: {{containers: [{{name: app, image: x}}{more}]}}")  # fmt: skip


def _service(name: str, space: str, ports: str) -> Body:
    return _kube(f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {space}}}\n"
                 f"spec: {{selector: {{app: {name}}}, ports: {ports}}}")  # fmt: skip


def _namespace(space: str, labels: str) -> Body:
    return _kube(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}, labels: {labels}}}")


PORTS = st.sampled_from(("[{name: http, port: 80}]", "[{name: http, port: 80}, {name: grpc, port: 81}]", "[{port: 5}]"))
GATEWAYS = st.sampled_from(("", "\ngateways: [gw]", "\ngateways: [mesh, shop/gw]"))
OBJECTS = st.one_of(
    st.builds(_namespace, SPACES, st.sampled_from(("{}", "{istio-injection: enabled}", "{istio.io/rev: x}"))),
    st.builds(_pod, NAMES, SPACES, LABELS, st.booleans()),
    st.builds(_service, NAMES, SPACES, PORTS),
    st.builds(
        lambda name, space, host, to, subset, gateways: istio(
            "VirtualService",
            f"hosts: ['{host}']{gateways}\nhttp: [{{route: [{{destination: {{host: '{to}'{subset}}}}}]}}]",
            name, space),
        NAMES, SPACES, HOSTS, HOSTS, SUBSETS, GATEWAYS),
    st.builds(
        lambda name, space, host, labels: istio(
            "DestinationRule", f"host: '{host}'\nsubsets: [{{name: v1, labels: {labels}}}]", name, space),
        NAMES, SPACES, HOSTS, LABELS),
    st.builds(
        lambda name, space, host, protocol: istio(
            "ServiceEntry", f"hosts: ['{host}']\nports: [{{number: 80, name: x, protocol: {protocol}}}]", name, space),
        NAMES, SPACES, HOSTS, st.sampled_from(("HTTP", "TCP"))),
    st.builds(
        lambda space, host, labels: istio(
            "Gateway", f"selector: {labels}\nservers: [{{port: {{number: 80, name: http, protocol: HTTP}}, "
            f"hosts: ['{host}']}}]", "gw", space),
        SPACES, HOSTS, LABELS),
    st.builds(
        lambda name, space, labels, wanted: istio(
            "AuthorizationPolicy", f"selector: {{matchLabels: {labels}}}\n"
            f"rules: [{{from: [{{source: {{namespaces: ['{wanted}']}}}}]}}]", name, space),
        NAMES, SPACES, LABELS, st.sampled_from(("shop", "b*", "gone"))),
    st.builds(lambda name, space, labels: istio("Sidecar", f"workloadSelector: {{labels: {labels}}}", name, space),
              NAMES, SPACES, LABELS),
)  # fmt: skip
EDITS = st.lists(st.tuples(OBJECTS, st.booleans()), max_size=25)


@settings(max_examples=60, deadline=None)
@given(st.lists(EDITS, max_size=4), st.booleans())
def test_incremental_equals_from_scratch(batches: list[list[tuple[Body, bool]]], other_root: bool) -> None:
    analysis = Analysis(Settings())
    held: dict[Key, Body] = {}
    for batch in batches:
        changes: dict[Key, Body | None] = {key_of(body): None if gone else body for body, gone in batch}
        analysis.put(
            [body for body in changes.values() if body is not None],
            [key for key, body in changes.items() if body is None],
        )
        held = {key: body for key, body in {**held, **changes}.items() if body is not None}
        assert analysis.problems() == analyze(World(held.values()))
    if other_root:
        mesh = MeshConfig(root_namespace="shop")
        analysis.configure(Settings(mesh=mesh))
        assert analysis.problems() == analyze(World(held.values(), mesh=mesh))


def test_an_edit_runs_only_what_it_concerns() -> None:
    services = [_service(f"s{number}", "shop", "[{name: http, port: 80}]") for number in range(50)]
    routes = [
        istio("VirtualService", f"hosts: [s{n}]\nhttp: [{{route: [{{destination: {{host: s{n}}}}}]}}]", f"r{n}", "shop")
        for n in range(50)
    ]
    analysis = Analysis(Settings())
    analysis.put([*services, *routes])
    collections = [one for one in analysis.graph.collections if hasattr(one, "recomputed")]
    before = sum(one.recomputed for one in collections)
    analysis.changed.clear()
    analysis.put([], [key_of(services[7])])
    assert {key.name for key in analysis.changed} == {"r7"}
    assert sum(one.recomputed for one in collections) - before <= 3
