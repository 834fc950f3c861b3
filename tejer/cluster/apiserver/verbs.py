"""`Verbs`: what can be done with a resource, once it is known who asks. HTTP and in-process callers meet here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tejer.cluster.apiserver import actions, errors
from tejer.cluster.apiserver.admit import Admission
from tejer.cluster.apiserver.auth.authenticate import Authenticator
from tejer.cluster.apiserver.auth.authorizer import Authorizer
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.deletion import Deleted, DeleteOptions, Deleter
from tejer.cluster.apiserver.machinery.patch import apply_patch
from tejer.cluster.apiserver.reads import ListOptions, Page, list_objects
from tejer.cluster.apiserver.reviews import Reviews
from tejer.cluster.apiserver.scale import scale_of, with_scale
from tejer.cluster.apiserver.watches import Watch, WatchOptions
from tejer.cluster.apiserver.webhooks import Webhooks
from tejer.cluster.apiserver.writes import WritePath, Written
from tejer.kube.resource import Body

Action = Callable[["Verbs", Request, Body], Awaitable[Body]]

POSTED: dict[tuple[str, str], Action] = {
    ("serviceaccounts", "token"): actions.create_token,
    ("pods", "eviction"): actions.evict,
    ("pods", "binding"): actions.bind,
}
GENERIC = ("", "status")


class Verbs:
    """Raises ApiError for every refusal. Authorization has happened before, at the HTTP door."""

    def __init__(self, core: Core, authenticator: Authenticator, authorizer: Authorizer, webhooks: Webhooks) -> None:
        self.core, self.authenticator, self.authorizer = core, authenticator, authorizer
        self.admission = Admission(core, authorizer, webhooks)
        self.writes = WritePath(core, self.admission)
        self.deleter = Deleter(core, self.admission)
        self.reviews = Reviews(authenticator, authorizer)

    def get(self, request: Request) -> Body:
        body = request.defn.convert(self.core.existing(request).body)
        return scale_of(request.defn, body) if request.subresource == "scale" else body

    def list(self, request: Request, options: ListOptions) -> Page:
        return list_objects(self.core, request, options)

    def watch(self, request: Request, options: WatchOptions) -> Watch:
        return Watch(self.core, request, options)

    async def create(self, request: Request, body: Body) -> Body:
        if self.reviews.handles(request):
            return self.reviews.answer(request, body)
        if request.subresource:
            action = POSTED.get((request.defn.rtype.plural, request.subresource))
            if action is None:
                raise errors.method_not_allowed()
            return await action(self, request, body)
        return await self.writes.create(request, body)

    async def update(self, request: Request, body: Body) -> Body:
        if request.subresource == "finalize":
            return await actions.finalize(self, request, body)
        if request.subresource == "scale":
            return await self._set_scale(request, body)
        if request.subresource not in GENERIC:
            raise errors.method_not_allowed()
        return await self.writes.update(request, body)

    async def _set_scale(self, request: Request, scale: Body) -> Body:
        current = request.defn.convert(self.core.existing(request).body)
        return scale_of(request.defn, await self.writes.update(request, with_scale(request.defn, current, scale)))

    async def patch(self, request: Request, patch: Any, content_type: str) -> Written:
        if request.subresource == "scale":
            current = request.defn.convert(self.core.existing(request).body)
            as_custom = replace(request.defn, is_crd=False)
            scale = apply_patch(as_custom, scale_of(request.defn, current), patch, content_type)
            return Written(await self._set_scale(request, scale), False)
        if request.subresource not in GENERIC:
            raise errors.method_not_allowed()
        return await self.writes.patch(request, patch, content_type)

    async def delete(self, request: Request, options: DeleteOptions) -> Deleted:
        if request.subresource:
            raise errors.method_not_allowed()
        return await self.deleter.delete(request, options)

    async def delete_collection(self, request: Request, listed: ListOptions, options: DeleteOptions) -> Page:
        items = self.core.store.list(request.defn.group, request.defn.rtype.plural, request.namespace)
        chosen = [item for item in items if listed.selection.matches(item.body)]
        deleted = await self.deleter.delete_collection(request, chosen, options)
        return Page(deleted, self.core.store.revision)
