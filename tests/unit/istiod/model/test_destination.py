from typing import Any

from tejer.istiod.model.config import read_config
from tejer.istiod.model.destination import EffectiveRule, Rule, lookup, subset_policy
from tejer.kube.kinds.istio_networking import DestinationRuleSpec
from tejer.kube.resource import Key

HOST = "web.svc.svc.cluster.local"


def rule(namespace: str, name: str = "r", created: str = "1", host: str = HOST, **spec: Any) -> Rule:
    key = Key("networking.istio.io", "destinationrules", namespace, name)
    body = {"kind": "DestinationRule", "metadata": {"creationTimestamp": created}, "spec": {"host": host, **spec}}
    return read_config(key, body, DestinationRuleSpec)


def balancer(name: str) -> dict[str, Any]:
    return {"loadBalancer": {"simple": name}}


def find(*rules: Rule, client: str = "client", labels: dict[str, str] | None = None) -> EffectiveRule | None:
    def of(namespace: str) -> list[Rule]:
        return [found for found in rules if found.namespace == namespace]

    return lookup(HOST, "svc", client, labels or {}, "root", of, ("*",))


def names(found: EffectiveRule | None) -> list[str]:
    return [key.namespace for key in found.sources] if found else []


def test_client_then_service_then_root_namespace() -> None:
    client, service, root = rule("client"), rule("svc"), rule("root")
    assert names(find(client, service, root)) == ["client"]
    assert names(find(service, root)) == ["svc"]
    assert names(find(root)) == ["root"]
    assert find() is None


def test_the_first_namespace_with_any_match_decides_even_by_wildcard() -> None:
    assert names(find(rule("client", host="*.svc.cluster.local"), rule("svc"))) == ["client"]


def test_a_rule_kept_private_is_not_seen_from_outside() -> None:
    assert find(rule("svc", exportTo=["."])) is None
    assert names(find(rule("svc", exportTo=["client"]))) == ["svc"]


def test_the_root_namespaces_clients_use_its_private_rules_only() -> None:
    assert names(find(rule("root"), rule("svc"), client="root")) == ["svc"]
    assert names(find(rule("root", exportTo=["."]), rule("svc"), client="root")) == ["root"]


def test_rules_for_one_host_are_joined() -> None:
    older = rule("svc", "a", "1", subsets=[{"name": "v1", "labels": {"version": "1"}}])
    younger = rule(
        "svc", "b", "2", trafficPolicy=balancer("RANDOM"), subsets=[{"name": "v1", "labels": {}}, {"name": "v2"}]
    )
    found = find(younger, older)
    assert found is not None
    assert [subset.name for subset in found.subsets] == ["v1", "v2"]
    assert found.subsets[0].labels == {"version": "1"}
    assert found.policy is not None
    assert found.policy.load_balancer is not None


def test_a_workload_selector_in_the_clients_namespace_comes_first() -> None:
    selected = rule("client", "b", "2", workloadSelector={"matchLabels": {"app": "me"}})
    plain = rule("client", "a", "1")
    assert [key.name for key in (find(plain, selected, labels={"app": "me"}) or EffectiveRule(host="")).sources] == [
        "b"
    ]
    assert [key.name for key in (find(plain, selected) or EffectiveRule(host="")).sources] == ["a"]


def test_policies_by_port_and_subset() -> None:
    found = find(
        rule(
            "svc",
            trafficPolicy={
                **balancer("RANDOM"),
                "connectionPool": {"tcp": {"maxConnections": 1}},
                "portLevelSettings": [{"port": {"number": 80}, **balancer("ROUND_ROBIN")}],
            },
            subsets=[{"name": "v1", "trafficPolicy": balancer("LEAST_REQUEST")}, {"name": "v2"}],
        )
    )

    def simple(subset: str, port: int) -> str:
        policy = subset_policy(found, subset, port).load_balancer
        return policy.simple if policy else ""

    assert (simple("", 81), simple("", 80), simple("v1", 81), simple("v2", 80)) == (
        "RANDOM", "ROUND_ROBIN", "LEAST_REQUEST", "ROUND_ROBIN",
    )  # fmt: skip
    assert subset_policy(found, "", 80).connection_pool is None, "a port's settings replace all four blocks"
    assert subset_policy(found, "v1", 81).connection_pool is not None, "a subset overrides block by block"
