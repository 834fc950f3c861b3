"""RBAC decisions."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.auth.rbac import Attributes, Policies, aggregate, allows, uncovered
from tejer.cluster.apiserver.auth.users import User, authenticated, service_account
from tejer.kube.resource import Body

READ_PODS: Body = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
ANN = authenticated("ann", ("dev",))


def role(kind: str, name: str, *rules: Body, namespace: str = "") -> Body:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, "rules": list(rules)}


def binding(name: str, ref_kind: str, ref: str, *subjects: Body, namespace: str = "") -> Body:
    meta = {"name": name, "namespace": namespace}
    return {"metadata": meta, "roleRef": {"kind": ref_kind, "name": ref}, "subjects": list(subjects)}


def policies(*, roles: list[Body] | None = None, cluster_roles: list[Body] | None = None,
             bindings: list[Body] | None = None, cluster_bindings: list[Body] | None = None) -> Policies:  # fmt: skip
    return Policies(roles or [], cluster_roles or [], bindings or [], cluster_bindings or [])


def test_masters_may_do_everything() -> None:
    assert policies().decide(User("x", ("system:masters",)), Attributes("delete", resource="nodes"))


def test_nobody_else_may_anything_without_a_binding() -> None:
    assert policies().decide(ANN, Attributes("get", resource="pods")) is None


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "User", "name": "ann"},
        {"kind": "Group", "name": "dev"},
        {"kind": "Group", "name": "system:authenticated"},
    ],
)
def test_a_cluster_role_binding_counts_everywhere(subject: Body) -> None:
    rules = policies(
        cluster_roles=[role("ClusterRole", "r", READ_PODS)],
        cluster_bindings=[binding("b", "ClusterRole", "r", subject)],
    )
    assert rules.decide(ANN, Attributes("get", resource="pods", namespace="any"))
    assert rules.decide(ANN, Attributes("list", resource="pods"))
    assert not rules.decide(ANN, Attributes("delete", resource="pods", namespace="any"))


def test_a_role_binding_counts_in_its_namespace_only() -> None:
    rules = policies(
        cluster_roles=[role("ClusterRole", "r", READ_PODS)],
        bindings=[binding("b", "ClusterRole", "r", {"kind": "ServiceAccount", "name": "bot"}, namespace="a")],
    )
    bot = service_account("a", "bot")
    reason = rules.decide(bot, Attributes("get", resource="pods", namespace="a"))
    assert reason == 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r"'
    assert not rules.decide(bot, Attributes("get", resource="pods", namespace="b"))
    assert not rules.decide(bot, Attributes("get", resource="pods"))
    assert not rules.decide(service_account("b", "bot"), Attributes("get", resource="pods", namespace="a"))


@pytest.mark.parametrize(
    ("rule", "asked", "expected"),
    [
        ({"resources": ["pods/log"]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": ["pods"]}, Attributes("get", resource="pods", subresource="log"), False),
        ({"resources": ["*/log"]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": ["*"]}, Attributes("get", resource="pods", subresource="log"), True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, Attributes("get", resource="pods", name="a"), True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, Attributes("get", resource="pods", name="b"), False),
        ({"resources": ["pods"], "apiGroups": ["apps"]}, Attributes("get", resource="pods"), False),
        ({"nonResourceURLs": ["/healthz/*"]}, Attributes("get", path="/healthz/x"), True),
        ({"nonResourceURLs": ["/healthz"]}, Attributes("get", path="/metrics"), False),
    ],
)
def test_rules(rule: Body, asked: Attributes, expected: bool) -> None:
    assert allows({"apiGroups": [""], "verbs": ["get"], **rule}, asked) is expected


def test_what_a_grant_would_add_is_found() -> None:
    wanted: Body = {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get"]}
    assert uncovered([READ_PODS], [wanted]) == [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]
    assert uncovered([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], [wanted]) == []
    named = {**wanted, "resourceNames": ["a"]}
    assert uncovered([wanted], [named]) == []
    assert len(uncovered([named], [wanted])) == 2


def test_aggregated_roles_collect_the_rules_of_others() -> None:
    whole: Body = {
        "metadata": {"name": "view"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to-view": "true"}}]},
    }
    part: Body = {"metadata": {"name": "part", "labels": {"to-view": "true"}}, "rules": [READ_PODS]}
    assert aggregate(whole, [whole, part, role("ClusterRole", "other", READ_PODS)]) == [READ_PODS]
    assert aggregate(part, [whole, part]) is None
