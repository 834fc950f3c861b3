from __future__ import annotations

import pytest

from tejer.istiod.metrics import Metrics
from tejer.istiod.model.node import parse_node
from tejer.istiod.xds.updates import causes, count_updates
from tejer.kube.resource import Body, Change, Key

NODE = parse_node("sidecar~10.0.0.1~web.shop~shop.svc.cluster.local", {})
ROUTES = "networking.istio.io"


def change(plural: str, old: Body | None, new: Body | None, group: str = "") -> Change:
    return Change(Key(group, plural, "shop", "x"), old, new)


def test_events_by_kind_and_what_happened() -> None:
    metrics = Metrics()
    count_updates(metrics, [
        change("virtualservices", None, {}, ROUTES), change("virtualservices", {}, {}, ROUTES),
        change("virtualservices", {}, None, ROUTES), change("services", None, {}), change("services", {}, None),
        change("pods", {}, {}), change("endpointslices", None, {}, "discovery.k8s.io"), change("secrets", None, {}),
    ])  # fmt: skip
    assert metrics.config_events.values == {
        ("VirtualService", "add"): 1, ("VirtualService", "update"): 1, ("VirtualService", "delete"): 1,
    }  # fmt: skip
    assert metrics.registry_events.values == {
        ("Services", "add"): 1, ("Services", "delete"): 1, ("Pods", "update"): 1, ("EndpointSlice", "add"): 1,
    }  # fmt: skip
    assert metrics.inbound.values == {("config",): 4, ("svc",): 1, ("svcdelete",): 1, ("eds",): 2}


@pytest.mark.parametrize(
    ("plurals", "cause"),
    [
        (["services"], "service"), (["endpointslices", "pods"], "endpoint"), (["virtualservices"] * 3, "config"),
        (["configmaps"], "global"), (["secrets"], "secret"),
    ],
)  # fmt: skip
def test_a_push_has_each_of_its_causes_once(plurals: list[str], cause: str) -> None:
    assert causes([change(plural, None, {}) for plural in plurals], []) == {cause}


def test_a_proxy_that_arrives_is_a_cause() -> None:
    assert causes([], [NODE]) == {"proxy"}
    assert causes([change("services", None, {})], [NODE]) == {"service", "proxy"}
    assert causes([], []) == set()
