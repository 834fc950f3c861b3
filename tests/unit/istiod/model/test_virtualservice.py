from typing import Any

from tejer.istiod.model.config import read_config
from tejer.istiod.model.virtualservice import VirtualService, for_sidecar, gateway_name, resolved, with_delegates
from tejer.kube.kinds.istio_networking import VirtualServiceSpec
from tejer.kube.resource import Key


def config(name: str, created: str = "1", **spec: Any) -> VirtualService:
    key = Key("networking.istio.io", "virtualservices", "shop", name)
    body = {"kind": "VirtualService", "metadata": {"creationTimestamp": created}, "spec": spec}
    return read_config(key, body, VirtualServiceSpec)


def to(host: str, **more: Any) -> dict[str, Any]:
    return {"route": [{"destination": {"host": host}}], **more}


def test_names_are_spelled_out_in_the_objects_namespace() -> None:
    found = resolved(
        config("a", hosts=["Web"], gateways=["gw", "mesh"], http=[to("db"), to("x.example")]), "cluster.local"
    )
    assert found.spec.hosts == ("web.shop.svc.cluster.local",)
    assert found.spec.gateways == ("shop/gw", "mesh")
    hosts = [route.route[0].destination.host for route in found.spec.http if route.route[0].destination]
    assert hosts == ["db.shop.svc.cluster.local", "x.example"]
    assert resolved(config("a", hosts=["web"]), "cluster.local").spec.gateways == ("mesh",)


def test_gateway_names_in_all_their_forms() -> None:
    assert gateway_name("other/gw", "shop") == "other/gw"
    assert gateway_name("gw.other.svc.cluster.local", "shop") == "other/gw"


def test_a_sidecar_sees_the_meshs_oldest_first() -> None:
    young, old = config("y", "2", hosts=["a"]), config("o", "1", hosts=["a"])
    private, gateway_only = config("p", hosts=["a"], exportTo=["."]), config("g", hosts=["a"], gateways=["gw"])
    all_of_them = [resolved(c, "cluster.local") for c in (young, private, old, gateway_only)]
    assert [c.name for c in for_sidecar(all_of_them, "other", ("*",))] == ["o", "y"]
    assert [c.name for c in for_sidecar(all_of_them, "shop", ("*",))] == ["o", "p", "y"]


def test_a_delegates_routes_take_the_roots_place() -> None:
    outer = {"name": "r", "match": [{"uri": {"prefix": "/api"}}], "timeout": "5s", "delegate": {"name": "inner"}}
    root = config("root", hosts=["a"], http=[outer, to("z")])
    inner = config(
        "inner",
        http=[
            {"name": "i", "match": [{"uri": {"exact": "/api/x"}, "method": {"exact": "GET"}}], **to("x")},
            {"match": [{"uri": {"prefix": "/outside"}}], **to("never")},
            to("y", timeout="1s"),
        ],
    )
    merged, problems = with_delegates(
        root, lambda namespace, name: inner if (namespace, name) == ("shop", "inner") else None
    )
    first, second, third = merged.spec.http
    assert (first.name, first.timeout, first.match[0].uri.exact if first.match[0].uri else "") == (
        "r-i",
        "5s",
        "/api/x",
    )
    assert (second.timeout, second.match[0].uri.prefix if second.match[0].uri else "") == ("1s", "/api")
    assert third == root.spec.http[1]
    assert len(problems) == 1
    assert "does not fit" in problems[0].message


def test_a_missing_delegate_is_reported_and_left_out() -> None:
    root = config("root", hosts=["a"], http=[{"delegate": {"name": "gone", "namespace": "far"}}, to("z")])
    merged, (problem,) = with_delegates(root, lambda *_: None)
    assert merged.spec.http == root.spec.http[1:]
    assert "far/gone" in problem.message
    assert problem.field == "spec.http[0].delegate"
