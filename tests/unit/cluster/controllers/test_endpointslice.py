from typing import Any

from tejer.cluster.controllers.endpointslice import keys, reconcile
from tejer.cluster.controllers.writes import Create, Delete, Update, Write
from tejer.kube.resource import Body, Change
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES, SERVICES
from tests.unit.cluster.controllers.objects import NOW, STAMP, key_of, make, pod, service, world_of


def run(*bodies: Body) -> list[Write]:
    return reconcile(world_of(*bodies), SERVICES.key("default", "web"), NOW)


def slices(writes: list[Write]) -> list[Any]:
    return [w.body for w in writes if isinstance(w, (Create, Update)) and w.rtype is ENDPOINTSLICES]


def stored(body: Body) -> Body:
    """A slice that was asked for, as the server would have made it."""
    meta = {**body["metadata"], "name": "web-abcde"}
    return make(ENDPOINTSLICES, "web-abcde", **{**body, "metadata": meta})


def test_a_slice_says_who_answers_where() -> None:
    (body,) = slices(run(service(), pod("b", ip="10.0.0.2", ready=False), pod("a", ip="10.0.0.1")))
    assert body["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert body["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert [endpoint["addresses"] for endpoint in body["endpoints"]] == [["10.0.0.1"], ["10.0.0.2"]]
    assert [endpoint["conditions"]["ready"] for endpoint in body["endpoints"]] == [True, False]
    assert body["endpoints"][0]["targetRef"]["name"] == "a"


def test_terminating_pods_serve_but_are_not_ready() -> None:
    (body,) = slices(run(service(), pod("a", deletionTimestamp=STAMP)))
    assert body["endpoints"][0]["conditions"] == {"ready": False, "serving": True, "terminating": True}


def test_without_pods_the_slice_is_empty() -> None:
    (body,) = slices(run(service(), pod("a", ip=""), pod("b", phase="Succeeded")))
    assert (body["endpoints"], body["ports"]) == ([], [])


def test_nothing_is_written_twice() -> None:
    bodies = (service(), pod("a"))
    writes = run(*bodies)
    made = stored(slices(writes)[0])
    endpoints = next(write.body for write in writes if isinstance(write, Create) and write.rtype is ENDPOINTS)
    assert run(*bodies, made, make(ENDPOINTS, "web", **endpoints)) == []


def test_a_slice_is_kept_and_spare_ones_go() -> None:
    made = stored(slices(run(service(), pod("a")))[0])
    spare = stored({**made, "metadata": {**made["metadata"], "uid": "spare"}})
    spare["metadata"]["name"] = "web-spare"
    writes = run(service(), pod("b", ip="10.0.0.9"), made, spare)
    assert [body["metadata"]["name"] for body in slices(writes)] == ["web-abcde"]
    assert [write.key.name for write in writes if isinstance(write, Delete)] == ["web-spare"]


def test_many_endpoints_make_several_slices() -> None:
    pods = [pod(f"p{number:03}", ip=f"10.0.{number // 200}.{number % 200}") for number in range(150)]
    assert [len(body["endpoints"]) for body in slices(run(service(), *pods))] == [100, 50]


def test_named_ports_that_differ_by_pod_make_groups() -> None:
    other = pod("b", ip="10.0.0.2")
    other["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 9090}]
    found = {body["ports"][0]["port"]: len(body["endpoints"]) for body in slices(run(service(), pod("a"), other))}
    assert found == {8080: 1, 9090: 1}


def test_headless_services_are_labelled_and_publish_unready_if_asked() -> None:
    (body,) = slices(run(service(clusterIP="None", publishNotReadyAddresses=True), pod("a", ready=False)))
    assert "service.kubernetes.io/headless" in body["metadata"]["labels"]
    assert body["endpoints"][0]["conditions"]["ready"] is True


def test_services_without_selector_are_the_users_own() -> None:
    assert run(service(selector={})) == []
    assert run(service(type="ExternalName")) == []


def test_endpoints_go_with_their_service() -> None:
    (delete,) = run(make(ENDPOINTS, "web"))
    assert isinstance(delete, Delete)


def test_keys_are_services_that_select_the_pod_before_or_after() -> None:
    main, other = service(), service("other", selector={"app": "else"})
    world = world_of(main, other)
    before, after = pod("a"), pod("a", labels={"app": "else"})
    assert set(keys(world, Change(key_of(after), before, after))) == {key_of(main), key_of(other)}
    made = stored(slices(run(main, before))[0])
    assert list(keys(world, Change(key_of(made), None, made))) == [key_of(main)]
