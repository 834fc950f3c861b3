from typing import Any

from tejer.cluster.controllers.mirroring import keys, reconcile
from tejer.cluster.controllers.writes import Create, Delete, Update, Write
from tejer.kube.resource import Body, Change
from tejer.kube.types import ENDPOINTS, ENDPOINTSLICES
from tests.unit.cluster.controllers.objects import NOW, key_of, make, service, world_of


def endpoints(*addresses: str, **meta: Any) -> Body:
    subset = {"addresses": [{"ip": address} for address in addresses], "ports": [{"port": 5432}]}
    return make(ENDPOINTS, "web", subsets=[subset], metadata=meta)


def run(*bodies: Body) -> list[Write]:
    return reconcile(world_of(*bodies), ENDPOINTS.key("default", "web"), NOW)


def stored(write: Write) -> Body:
    assert isinstance(write, Create)
    meta = {**write.body["metadata"], "name": "web-x"}
    return make(ENDPOINTSLICES, "web-x", **{**write.body, "metadata": meta})


def test_the_users_endpoints_are_mirrored_and_followed() -> None:
    main = service(selector={})
    (create,) = run(main, endpoints("192.0.2.1"))
    made = stored(create)
    assert made["endpoints"] == [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}]
    assert made["ports"] == [{"name": "", "protocol": "TCP", "port": 5432}]
    assert made["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
    assert run(main, endpoints("192.0.2.1"), made) == []
    (update,) = run(main, endpoints("192.0.2.2"), made)
    assert isinstance(update, Update)
    assert update.body["endpoints"][0]["addresses"] == ["192.0.2.2"]


def test_what_a_controller_made_or_nobody_needs_is_not_mirrored() -> None:
    assert run(service(), endpoints("192.0.2.1")) == []
    assert run(endpoints("192.0.2.1")) == []
    skipped = endpoints("192.0.2.1", labels={"endpointslice.kubernetes.io/skip-mirror": "true"})
    assert run(service(selector={}), skipped) == []
    assert run(service(selector={})) == []


def test_a_slice_without_endpoints_goes() -> None:
    main = service(selector={})
    made = stored(run(main, endpoints("192.0.2.1"))[0])
    (delete,) = run(main, make(ENDPOINTS, "web"), made)
    assert isinstance(delete, Delete)
    assert list(keys(world_of(), Change(key_of(main), None, main))) == [ENDPOINTS.key("default", "web")]
