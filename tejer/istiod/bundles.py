"""The CA bundle in our webhook configurations, kept equal to the mesh's root by the leader.

`install` ships the configurations without a bundle: only istiod knows its root. failurePolicy is kept at Fail too, so
that nobody's edit lets pods in without their sidecar. Source: Istio's pkg/webhooks/{webhookpatch,validation}.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping

from tejer.istiod.chore import Chore
from tejer.istiod.leader import Leader
from tejer.istiod.rbac import WEBHOOKS
from tejer.kube.api import JSON_PATCH, Api, ApiError
from tejer.kube.resource import Body, Key, name_of
from tejer.kube.types import ResourceType

log = logging.getLogger(__name__)


def plan(body: Body, root: str) -> list[Body]:
    """JSONPatch operations that give each webhook of a configuration the bundle and failurePolicy Fail."""
    bundle = base64.b64encode(root.encode()).decode()
    operations: list[Body] = []
    for position, webhook in enumerate(body.get("webhooks") or ()):
        client = webhook.get("clientConfig") or {}
        if client.get("caBundle") != bundle:
            path = f"/webhooks/{position}/clientConfig/caBundle"
            operations.append({"op": "add", "path": path, "value": bundle})
        if webhook.get("failurePolicy") != "Fail":
            operations.append({"op": "add", "path": f"/webhooks/{position}/failurePolicy", "value": "Fail"})
    return operations


class Bundles(Chore):
    """`stores` are informers' stores of webhook configurations; call `look` when one changed or the root did."""

    def __init__(
        self, api: Api, leader: Leader, root: Callable[[], str], stores: Mapping[ResourceType, Mapping[Key, Body]]
    ) -> None:
        super().__init__(leader)
        self.api, self.root, self.stores = api, root, stores

    async def attempt(self) -> bool:
        done = True
        for rtype, store in self.stores.items():
            for body in list(store.values()):
                if name_of(body) in WEBHOOKS and (operations := plan(body, self.root())):
                    done &= await self._patch(rtype, body, operations)
        return done

    async def _patch(self, rtype: ResourceType, body: Body, operations: list[Body]) -> bool:
        version = body["metadata"].get("resourceVersion")
        test = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}] if version else []
        try:
            await self.api.patch(rtype, name_of(body), "", test + operations, content_type=JSON_PATCH)
        except (ApiError, OSError) as error:
            log.warning("patching the CA bundle of %s %s: %s", rtype.kind, name_of(body), error)
            return False
        log.info("patched the CA bundle of %s %s", rtype.kind, name_of(body))
        return True
