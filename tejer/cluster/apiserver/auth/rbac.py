"""Role based access control, evaluated: pure functions over rules, and `Policies`, the compiled bindings.

Source: Kubernetes' `plugin/pkg/auth/authorizer/rbac` and `pkg/registry/rbac/validation/rule.go`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tejer.cluster.apiserver.auth.users import MASTERS, User
from tejer.kube.resource import Body, metadata, name_of, namespace_of
from tejer.kube.selectors import label_selector

GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked: a resource, or with `path` set a non-resource URL. `namespace` "" means cluster-wide."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    version: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Grant(NamedTuple):
    """The rules one binding gives, in one namespace or ("") everywhere; `reason` names the binding."""

    namespace: str
    rules: tuple[Body, ...]
    reason: str


class Policies:
    """All bindings, by subject. Build a new one when a role or binding changes."""

    def __init__(self, roles: Iterable[Body], cluster_roles: Iterable[Body], role_bindings: Iterable[Body],
                 cluster_role_bindings: Iterable[Body]) -> None:  # fmt: skip
        self._cluster_roles = {name_of(role): role for role in cluster_roles}
        self._roles = {(namespace_of(role), name_of(role)): role for role in roles}
        self._grants: defaultdict[tuple[str, str], list[Grant]] = defaultdict(list)
        for binding in cluster_role_bindings:
            self._bind(binding, "", f'ClusterRoleBinding "{name_of(binding)}"')
        for binding in role_bindings:
            namespace = namespace_of(binding)
            self._bind(binding, namespace, f'RoleBinding "{name_of(binding)}/{namespace}"')

    def _bind(self, binding: Body, namespace: str, label: str) -> None:
        ref = binding.get("roleRef") or {}
        rules = self.rules_of(ref, namespace)
        if rules:
            reason = f'RBAC: allowed by {label} of {ref.get("kind")} "{ref.get("name")}"'
            for subject in binding.get("subjects") or ():
                self._grants[_subject(subject, namespace)].append(Grant(namespace, rules, reason))

    def rules_of(self, ref: Body, namespace: str) -> tuple[Body, ...]:
        """The rules of a roleRef as seen from `namespace`; () where the role does not exist."""
        return tuple((self._role(ref, namespace) or {}).get("rules") or ())

    def exists(self, ref: Body, namespace: str) -> bool:
        """Whether there is such a role, even if it grants nothing."""
        return self._role(ref, namespace) is not None

    def _role(self, ref: Body, namespace: str) -> Body | None:
        name = str(ref.get("name", ""))
        return self._cluster_roles.get(name) if ref.get("kind") == "ClusterRole" else self._roles.get((namespace, name))

    def grants(self, user: User) -> Iterator[Grant]:
        yield from self._grants.get(("User", user.name), ())
        for group in user.groups:
            yield from self._grants.get(("Group", group), ())

    def decide(self, user: User, asked: Attributes) -> str | None:
        """The reason why it is allowed, or None."""
        if MASTERS in user.groups:
            return f'"{MASTERS}" may do everything'
        for grant in self.grants(user):
            if grant.namespace in ("", asked.namespace) and any(allows(rule, asked) for rule in grant.rules):
                # Non-resource URLs are cluster-wide: a RoleBinding can not grant them.
                if asked.path and grant.namespace:
                    continue
                return grant.reason
        return None

    def rules_for(self, user: User, namespace: str) -> tuple[Body, ...]:
        """Every rule the user holds in `namespace` ("" = cluster-wide only)."""
        if MASTERS in user.groups:
            return EVERYTHING
        return tuple(rule for grant in self.grants(user) if grant.namespace in ("", namespace) for rule in grant.rules)


EVERYTHING: tuple[Body, ...] = (
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
    {"nonResourceURLs": ["*"], "verbs": ["*"]},
)


def _subject(subject: Body, namespace: str) -> tuple[str, str]:
    kind, name = str(subject.get("kind", "")), str(subject.get("name", ""))
    if kind == "ServiceAccount":
        return ("User", f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}")
    return (kind, name)


def allows(rule: Body, asked: Attributes) -> bool:
    """Whether one PolicyRule permits what is asked."""
    if not _has(rule.get("verbs"), asked.verb):
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule.get("apiGroups"), asked.group)
        and _resource_matches(rule.get("resources") or (), asked)
        and (not names or asked.name in names)
    )


def _has(values: Iterable[str] | None, wanted: str) -> bool:
    return any(value in ("*", wanted) for value in values or ())


def _resource_matches(resources: Iterable[str], asked: Attributes) -> bool:
    for resource in resources:
        if resource in ("*", asked.full_resource):
            return True
        if asked.subresource and resource == f"*/{asked.subresource}":
            return True
    return False


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def uncovered(owned: Iterable[Body], wanted: Iterable[Body]) -> list[Body]:
    """The single permissions in `wanted` that no rule in `owned` gives: granting them would be an escalation."""
    owned = list(owned)
    return [part for rule in wanted for part in _parts(rule) if not any(_covers(own, part) for own in owned)]


def _parts(rule: Body) -> Iterator[Body]:
    """One rule as rules of a single verb, group, resource and name each."""
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield {"verbs": [verb], "nonResourceURLs": [path]}
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                part = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
                names = rule.get("resourceNames") or ()
                yield from ({**part, "resourceNames": [name]} for name in names) if names else (part,)


def _covers(own: Body, part: Body) -> bool:
    if not _has(own.get("verbs"), part["verbs"][0]):
        return False
    if "nonResourceURLs" in part:
        path = part["nonResourceURLs"][0]
        return any(_path_matches(pattern, path) for pattern in own.get("nonResourceURLs") or ())
    resource, _, subresource = part["resources"][0].partition("/")
    asked = Attributes("", resource=resource, subresource=subresource)
    names = own.get("resourceNames")
    return (
        _has(own.get("apiGroups"), part["apiGroups"][0])
        and _resource_matches(own.get("resources") or (), asked)
        and (not names or (bool(part.get("resourceNames")) and part["resourceNames"][0] in names))
    )


def aggregate(role: Body, cluster_roles: Iterable[Body]) -> list[Body] | None:
    """The rules of an aggregated ClusterRole: those of every other role its selectors match. None: not aggregated."""
    selectors = [
        label_selector(selector) for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    ]
    if not selectors:
        return None
    rules: list[Body] = []
    for other in sorted(cluster_roles, key=name_of):
        labels = metadata(other).get("labels")
        if name_of(other) != name_of(role) and any(selector.matches(labels) for selector in selectors):
            rules.extend(rule for rule in other.get("rules") or () if rule not in rules)
    return rules


def describe(asked: Attributes, user: User) -> str:
    """The end of a Forbidden message: `User "x" cannot list resource "pods" in API group "" in the namespace "y"`."""
    who = f'User "{user.name}" cannot {asked.verb}'
    if asked.path:
        return f'{who} path "{asked.path}"'
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    return f'{who} resource "{asked.full_resource}" in API group "{asked.group}" {where}'
