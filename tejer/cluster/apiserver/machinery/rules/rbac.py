"""Validation of RBAC kinds. Source: kubernetes `pkg/apis/rbac/validation/validation.go`, release 1.33."""

from __future__ import annotations

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import Cause, forbidden, invalid_value, not_supported, required
from tejer.cluster.apiserver.machinery.rules.workload import check_label_selector
from tejer.kube.resource import Body

_GROUP = "rbac.authorization.k8s.io"
_SUBJECT_KINDS = ("Group", "ServiceAccount", "User")


def check_role(body: Body, old: Body | None) -> list[Cause]:
    return _check_rules(body, namespaced=True)


def check_cluster_role(body: Body, old: Body | None) -> list[Cause]:
    wrong = _check_rules(body, namespaced=False)
    selectors = (body.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    for index, selector in enumerate(selectors):
        wrong += check_label_selector(selector, f"aggregationRule.clusterRoleSelectors[{index}]")
    return wrong


def _check_rules(body: Body, *, namespaced: bool) -> list[Cause]:
    wrong: list[Cause] = []
    for index, rule in enumerate(body.get("rules") or ()):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            wrong.append(required(f"{at}.verbs", "verbs must contain at least one value"))
        urls = rule.get("nonResourceURLs") or []
        if urls:
            if namespaced:
                text = "namespaced rules cannot apply to non-resource URLs"
                wrong.append(invalid_value(f"{at}.nonResourceURLs", urls, text))
            if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                text = "rules cannot apply to both regular resources and non-resource URLs"
                wrong.append(invalid_value(f"{at}.nonResourceURLs", urls, text))
            continue
        if not rule.get("apiGroups"):
            wrong.append(required(f"{at}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            wrong.append(required(f"{at}.resources", "resource rules must supply at least one resource"))
    return wrong


def check_role_binding(body: Body, old: Body | None) -> list[Cause]:
    return _check_binding(body, old, ("ClusterRole", "Role"))


def check_cluster_role_binding(body: Body, old: Body | None) -> list[Cause]:
    return _check_binding(body, old, ("ClusterRole",))


def _check_binding(body: Body, old: Body | None, kinds: tuple[str, ...]) -> list[Cause]:
    role = body.get("roleRef") or {}
    wrong: list[Cause] = []
    if role.get("apiGroup") != _GROUP:
        wrong.append(not_supported("roleRef.apiGroup", role.get("apiGroup", ""), (_GROUP,)))
    if role.get("kind") not in kinds:
        wrong.append(not_supported("roleRef.kind", role.get("kind", ""), kinds))
    if not role.get("name"):
        wrong.append(required("roleRef.name"))
    else:
        wrong += [invalid_value("roleRef.name", role["name"], text) for text in names.path_segment(role["name"])]
    namespaced = "Role" in kinds
    for index, subject in enumerate(body.get("subjects") or ()):
        wrong += _check_subject(subject, f"subjects[{index}]", namespaced=namespaced)
    if old is not None and (old.get("roleRef") or {}) != role:
        wrong.append(invalid_value("roleRef", role, "cannot change roleRef"))
    return wrong


def _check_subject(subject: Body, path: str, *, namespaced: bool) -> list[Cause]:
    wrong: list[Cause] = []
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if not name:
        wrong.append(required(f"{path}.name"))
    if kind == "ServiceAccount":
        wrong += [invalid_value(f"{path}.name", name, text) for text in names.dns_subdomain(name)] if name else []
        if subject.get("apiGroup"):
            wrong.append(not_supported(f"{path}.apiGroup", subject["apiGroup"], ("",)))
        if not namespaced and not subject.get("namespace"):  # in a RoleBinding it means the binding's own
            wrong.append(required(f"{path}.namespace"))
    elif kind in ("User", "Group"):
        if subject.get("apiGroup") != _GROUP:
            wrong.append(not_supported(f"{path}.apiGroup", subject.get("apiGroup", ""), (_GROUP,)))
        if subject.get("namespace"):
            wrong.append(forbidden(f"{path}.namespace", f"may not be set for a {kind}"))
    else:
        wrong.append(not_supported(f"{path}.kind", kind, _SUBJECT_KINDS))
    return wrong
