"""`Authorizer`: RBAC over what the store holds, recompiled when a role or binding changes."""

from __future__ import annotations

from dataclasses import replace

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth import rbac
from tejer.cluster.apiserver.auth.rbac import Attributes, Policies
from tejer.cluster.apiserver.auth.users import User
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.store.log import ANY_REVISION, Event
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

_GRANTING = ("rules", "aggregationRule", "roleRef", "subjects")
_KINDS = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")


class Authorizer:
    """`hook` is one of the core's commit hooks: it keeps the policies current and aggregated ClusterRoles filled."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._policies: Policies | None = None

    @property
    def policies(self) -> Policies:
        if self._policies is None:
            self._policies = Policies(*(self._bodies(kind) for kind in _KINDS))
        return self._policies

    def _bodies(self, resource: str) -> list[Body]:
        return [item.body for item in self.core.store.list(rbac.GROUP, resource)]

    async def hook(self, event: Event) -> None:
        if event.key.group != rbac.GROUP:
            return
        self._policies = None
        if event.key.resource == "clusterroles":
            await self.fill_aggregated()

    async def fill_aggregated(self) -> None:
        """Write the rules of aggregated ClusterRoles whose parts changed."""
        roles = self._bodies("clusterroles")
        for item in self.core.store.list(rbac.GROUP, "clusterroles"):
            rules = rbac.aggregate(item.body, roles)
            if rules is not None and rules != (item.body.get("rules") or []):
                await self.core.store.write(item.key, {**item.body, "rules": rules}, expect=ANY_REVISION)
                self._policies = None

    def allows(self, user: User, asked: Attributes) -> bool:
        return self.policies.decide(user, asked) is not None

    def require(self, user: User, asked: Attributes) -> None:
        """Raises ApiError 403 worded as kube-apiserver words it."""
        if self.allows(user, asked):
            return
        why = rbac.describe(asked, user)
        if asked.path:
            raise ApiError(403, "Forbidden", f"forbidden: {why}")
        shown = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
        name = f' "{asked.name}"' if asked.name else ""
        details: Body = {"name": asked.name, "group": asked.group, "kind": asked.resource}
        details = {key: value for key, value in details.items() if value}
        raise ApiError(403, "Forbidden", f"{shown}{name} is forbidden: {why}", details)

    def check_escalation(self, request: Request, new: Body, old: Body | None) -> None:
        """No one may write a role, or bind one, that gives more than the writer has (verbs escalate and bind exempt).

        Raises ApiError 403 listing what the writer lacks.
        """
        defn = request.defn
        if defn.group != rbac.GROUP or (old is not None and all(old.get(f) == new.get(f) for f in _GRANTING)):
            return
        asked = Attributes(
            "escalate", defn.group, defn.rtype.plural, namespace=request.namespace,
            name=str(new["metadata"].get("name", "")),
        )  # fmt: skip
        wanted = tuple(new.get("rules") or ())
        ref = new.get("roleRef") or {}
        if new.get("aggregationRule"):
            wanted = rbac.EVERYTHING  # it will hold whatever carries its labels, now and later
        elif ref:
            wanted = self.policies.rules_of(ref, request.namespace)
            plural = "clusterroles" if ref.get("kind") == "ClusterRole" else "roles"
            asked = replace(asked, verb="bind", resource=plural, name=str(ref.get("name", "")))
        if self.allows(request.user, asked):
            return
        if ref and not self.policies.exists(ref, request.namespace):
            # A binding made now would give what the role says later, when no one looks at who bound it.
            name = str(ref.get("name", ""))
            raise ApiError(404, "NotFound", f'{asked.resource}.{rbac.GROUP} "{name}" not found', {"name": name})
        missing = rbac.uncovered(self.policies.rules_for(request.user, request.namespace), wanted)
        if missing:
            raise errors.forbidden(
                defn, str(new["metadata"].get("name", "")),
                f'user "{request.user.name}" (groups={list(request.user.groups)}) is attempting to grant RBAC '
                f"permissions not currently held: {missing}",
            )  # fmt: skip
