"""CustomResourceDefinitions at work: their status on each write, their kinds served, their objects gone with them."""

from __future__ import annotations

import logging

from tejer.cluster.apiserver.core import Core
from tejer.cluster.apiserver.machinery.crd import crd_status
from tejer.cluster.store.log import ANY_REVISION, Event, RevisionConflict
from tejer.kube.resource import Body, Key, metadata, name_of
from tejer.kube.types import CUSTOMRESOURCEDEFINITIONS

log = logging.getLogger(__name__)

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_GROUP, _PLURAL = CUSTOMRESOURCEDEFINITIONS.group, CUSTOMRESOURCEDEFINITIONS.plural


def with_status(core: Core, crd: Body) -> Body:
    """`crd` with the conditions and accepted names that the API server itself maintains."""
    others = [item.body for item in core.store.list(_GROUP, _PLURAL) if item.key.name != name_of(crd)]
    return crd_status(crd, others, core.now())


def instances(core: Core, crd: Body) -> list[Key]:
    """The objects of a CRD's kind."""
    spec = crd.get("spec") or {}
    plural = (spec.get("names") or {}).get("plural", "")
    return [item.key for item in core.store.list(spec.get("group", ""), plural)]


class CrdKeeper:
    """A commit hook: the registry follows the CRDs, and a CRD being deleted goes once its last object has gone."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def load(self) -> None:
        """Serve what the store holds at start."""
        for item in self.core.store.list(_GROUP, _PLURAL):
            self._serve(item.body)

    async def hook(self, event: Event) -> None:
        if event.key[:2] == (_GROUP, _PLURAL):
            if event.new is None:
                self.core.registry.drop_crd(event.key.name)
            else:
                self._serve(event.new)
        elif event.new is None:
            await self._last_of(event.key)

    def _serve(self, crd: Body) -> None:
        try:
            self.core.registry.set_crd(crd)
        except Exception:
            # One CRD that we can't make sense of must not keep the server from starting.
            log.exception("the kind of CustomResourceDefinition %s is not served", name_of(crd))
            self.core.registry.drop_crd(name_of(crd))

    async def _last_of(self, gone: Key) -> None:
        item = self.core.store.get(CUSTOMRESOURCEDEFINITIONS.key("", f"{gone.resource}.{gone.group}"))
        if item is None or "deletionTimestamp" not in metadata(item.body) or instances(self.core, item.body):
            return
        meta = dict(metadata(item.body))
        meta["finalizers"] = [name for name in meta.get("finalizers") or [] if name != CLEANUP]
        body = {**item.body, "metadata": meta} if meta["finalizers"] else None
        try:
            await self.hook(await self.core.store.write(item.key, body, expect=ANY_REVISION))
        except RevisionConflict:
            # Another deletion has finished it meanwhile.
            return
