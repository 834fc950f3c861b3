"""`LocalApi`: the `Api` of controllers in the server's own process. Same write path, no sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.rbac import Attributes
from tejer.cluster.apiserver.auth.users import User
from tejer.cluster.apiserver.core import Request
from tejer.cluster.apiserver.deletion import DeleteOptions
from tejer.cluster.apiserver.reads import ListOptions
from tejer.cluster.apiserver.selection import parse_selection
from tejer.cluster.apiserver.verbs import Verbs
from tejer.cluster.apiserver.watches import WatchOptions
from tejer.kube.api import MERGE_PATCH, ListResult, WatchEvent
from tejer.kube.resource import Body, name_of, namespace_of
from tejer.kube.types import ResourceType


class LocalApi:
    """See `tejer.kube.api.Api`. Acts as `user`, RBAC included. Bodies it returns are shared: never mutate them."""

    def __init__(self, verbs: Verbs, user: User) -> None:
        self._verbs, self._user = verbs, user
        self._manager = user.name.removeprefix("system:")

    def _request(self, verb: str, rtype: ResourceType, namespace: str, name: str = "", subresource: str = "", *,
                 dry_run: bool = False, manager: str = "", force: bool = False) -> Request:  # fmt: skip
        defn = self._verbs.core.registry.of_type(rtype)
        if defn is None:
            raise errors.no_such_path()
        namespace = namespace if rtype.namespaced else ""
        asked = Attributes(verb, rtype.group, rtype.plural, subresource, namespace, name)
        self._verbs.authorizer.require(self._user, asked)
        return Request(
            user=self._user, defn=defn, namespace=namespace, name=name, subresource=subresource, dry_run=dry_run,
            manager=manager or self._manager, force=force, field_validation="Ignore",
        )  # fmt: skip

    async def get(self, rtype: ResourceType, name: str, namespace: str = "") -> Body:
        return self._verbs.get(self._request("get", rtype, namespace, name))

    async def list(
        self, rtype: ResourceType, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> ListResult:
        request = self._request("list", rtype, namespace)
        selection = parse_selection(request.defn, label_selector, field_selector)
        page = self._verbs.list(request, ListOptions(selection=selection))
        return ListResult(page.items, str(page.revision))

    async def watch(
        self,
        rtype: ResourceType,
        namespace: str = "",
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        request = self._request("watch", rtype, namespace)
        selection = parse_selection(request.defn, label_selector, field_selector)
        options = WatchOptions(selection=selection, resource_version=resource_version, bookmarks=True)
        watch = self._verbs.watch(request, options)
        try:
            async for batch in watch.batches():
                for event in batch:
                    yield event
        finally:
            watch.close()

    async def create(self, rtype: ResourceType, body: Body, namespace: str = "", *, subresource: str = "",
                     name: str = "", dry_run: bool = False) -> Body:  # fmt: skip
        namespace = namespace or namespace_of(body)
        name = name if subresource else ""
        return await self._verbs.create(
            self._request("create", rtype, namespace, name, subresource, dry_run=dry_run), body
        )

    async def update(self, rtype: ResourceType, body: Body, *, subresource: str = "") -> Body:
        request = self._request("update", rtype, namespace_of(body), name_of(body), subresource)
        return await self._verbs.update(request, body)

    async def patch(self, rtype: ResourceType, name: str, namespace: str, patch: Any, *,
                    content_type: str = MERGE_PATCH, subresource: str = "", field_manager: str = "",
                    force: bool = False, dry_run: bool = False) -> Body:  # fmt: skip
        request = self._request(
            "patch", rtype, namespace, name, subresource, dry_run=dry_run, manager=field_manager, force=force
        )
        return (await self._verbs.patch(request, patch, content_type)).body

    async def delete(self, rtype: ResourceType, name: str, namespace: str = "", *,
                     grace_period_seconds: int | None = None, propagation_policy: str = "",
                     uid: str = "") -> Body:  # fmt: skip
        options = DeleteOptions(
            grace_period_seconds=grace_period_seconds, propagation_policy=propagation_policy, uid=uid
        )
        return (await self._verbs.delete(self._request("delete", rtype, namespace, name), options)).body
