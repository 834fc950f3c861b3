"""`Admission`: everything between a prepared object and its storage, in the order of kube-apiserver's plug-ins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.authorizer import Authorizer
from tejer.cluster.apiserver.auth.rbac import Attributes as Access
from tejer.cluster.apiserver.core import Core, Request
from tejer.cluster.apiserver.crds import with_status
from tejer.cluster.apiserver.machinery.admission import Attributes
from tejer.cluster.apiserver.machinery.prepare import after_mutation
from tejer.cluster.apiserver.machinery.validate import validate
from tejer.cluster.apiserver.podaccount import with_service_account
from tejer.cluster.apiserver.webhooks import Webhooks
from tejer.cluster.controllers.clusterip import assign_addresses
from tejer.kube.resource import Body, metadata, name_of
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS, NAMESPACES, PODS, SERVICEACCOUNTS, SERVICES, ResourceType

ACCOUNT_WAIT = 5.0
"""Seconds a new pod waits for its ServiceAccount: `kubectl apply` of a namespace and a pod in one file is usual."""


def is_type(request: Request, rtype: ResourceType) -> bool:
    return request.defn.rtype.plural == rtype.plural and request.defn.group == rtype.group


class Admission:
    def __init__(self, core: Core, authorizer: Authorizer, webhooks: Webhooks) -> None:
        self.core, self.authorizer, self.webhooks = core, authorizer, webhooks
        self._allocating = asyncio.Lock()

    @asynccontextmanager
    async def admitted(self, request: Request, old: Body | None, new: Body) -> AsyncIterator[Body]:
        """The object to store. Commit inside the block: what was allocated is reserved for as long as it lasts."""
        if old is None:
            self._check_namespace(request, name_of(new))
        new = await self._own_mutations(request, old, new)
        attributes = self._attributes(request, "CREATE" if old is None else "UPDATE", old, new)
        mutated = await self.webhooks.mutate(attributes, new, request.warnings)
        if mutated is not None and mutated is not new:
            new = await self._own_mutations(request, old, after_mutation(request.defn, mutated))
        async with self._allocation(request):
            new = self._allocated(request, old, new)
            request.warnings.extend(validate(request.defn, new, old, request.subresource))
            self.authorizer.check_escalation(request, new, old)
            await self.webhooks.validate(replace(attributes, new=new), new, request.warnings)
            yield new

    def require_create(self, request: Request) -> None:
        """An apply that creates needs the verb `create` too. Raises ApiError 403."""
        defn = request.defn
        self.authorizer.require(
            request.user, Access("create", defn.group, defn.rtype.plural, "", request.namespace, request.name)
        )

    async def deletion(self, request: Request, old: Body) -> None:
        """Ask the validating webhooks whether `old` may go (mutating ones may deny it too)."""
        attributes = self._attributes(request, "DELETE", request.defn.convert(old), None)
        await self.webhooks.mutate(attributes, None, request.warnings)
        await self.webhooks.validate(attributes, None, request.warnings)

    def _attributes(self, request: Request, operation: str, old: Body | None, new: Body | None) -> Attributes:
        namespace = self.core.store.get(NAMESPACES.key("", request.namespace)) if request.namespace else None
        if is_type(request, NAMESPACES):
            namespace = None
        return Attributes(
            defn=request.defn, operation=operation, namespace=request.namespace,
            name=request.name or name_of(new or {}), new=new, old=old, user=request.user.info,
            subresource=request.subresource, dry_run=request.dry_run,
            namespace_object=namespace.body if namespace else (new if is_type(request, NAMESPACES) else None),
        )  # fmt: skip

    def _check_namespace(self, request: Request, name: str) -> None:
        """NamespaceLifecycle: nothing new in a namespace that does not exist or is going."""
        namespace = request.namespace
        if not request.defn.rtype.namespaced or not namespace:
            return
        item = self.core.store.get(NAMESPACES.key("", namespace))
        if item is None:
            raise errors.missing_namespace(namespace)
        if "deletionTimestamp" in metadata(item.body):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            message = f"namespace {namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
            raise errors.forbidden(request.defn, name, why, [cause])

    async def _own_mutations(self, request: Request, old: Body | None, new: Body) -> Body:
        if is_type(request, PODS) and old is None and not request.subresource:
            return with_service_account(new, await self._account_of(request, new))
        if is_type(request, CUSTOMRESOURCEDEFINITIONS):
            return with_status(self.core, new)
        return new

    async def _account_of(self, request: Request, pod: Body) -> Body:
        name = str((pod.get("spec") or {}).get("serviceAccountName") or "default")
        key = SERVICEACCOUNTS.key(request.namespace, name)
        watch = self.core.store.watch(key.group, key.resource, key.namespace, since=self.core.store.revision)
        deadline = asyncio.get_running_loop().time() + ACCOUNT_WAIT
        try:
            while (item := self.core.store.get(key)) is None:
                left = deadline - asyncio.get_running_loop().time()
                if left <= 0:
                    where = f"error looking up service account {request.namespace}/{name}"
                    why = f'{where}: serviceaccount "{name}" not found'
                    raise errors.forbidden(request.defn, name_of(pod), why)
                await watch.next(left)
        finally:
            watch.close()
        return item.body

    def _allocation(self, request: Request) -> AbstractAsyncContextManager[None]:
        return self._lock() if is_type(request, SERVICES) and not request.subresource else nullcontext()

    @asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        async with self._allocating:
            yield

    def _allocated(self, request: Request, old: Body | None, new: Body) -> Body:
        if not is_type(request, SERVICES) or request.subresource:
            return new
        mine = request.key(name_of(new))
        others = [item.body for item in self.core.store.list("", "services") if item.key != mine]
        return assign_addresses(new, others, self.core.config.service_cidr, old)
