"""The mesh's root certificate as ConfigMap `istio-ca-root-cert` in every namespace, where proxies' pods mount it.

The leader writes it when a namespace appears, when somebody changed the ConfigMap, and when the root is renewed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from tejer.istiod.chore import Chore
from tejer.istiod.leader import Leader
from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body, Key, metadata
from tejer.kube.types import CONFIGMAPS

log = logging.getLogger(__name__)

NAME = "istio-ca-root-cert"
ENTRY = "root-cert.pem"
LABELS = {"istio.io/config": "true"}
WITHOUT = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
"""Namespaces that never hold proxies (Istio's IgnoredNamespaces)."""


def missing(namespaces: Iterable[Body], held: Mapping[Key, Body], root: str) -> list[tuple[str, Body | None]]:
    """Namespaces whose ConfigMap is absent (None) or not as it should be (its body)."""
    wanted: list[tuple[str, Body | None]] = []
    for namespace in namespaces:
        meta = metadata(namespace)
        name = str(meta.get("name", ""))
        if name in WITHOUT or meta.get("deletionTimestamp"):
            continue
        body = held.get(Key("", CONFIGMAPS.plural, name, NAME))
        if body is None or (body.get("data") or {}).get(ENTRY) != root:
            wanted.append((name, body))
    return wanted


class RootCerts(Chore):
    """`namespaces` and `held` are informers' stores; call `look` when either changed or the root was renewed."""

    def __init__(
        self,
        api: Api,
        leader: Leader,
        root: Callable[[], str],
        namespaces: Mapping[Key, Body],
        held: Mapping[Key, Body],
    ) -> None:
        super().__init__(leader)
        self.api, self.root = api, root
        self.namespaces, self.held = namespaces, held

    async def attempt(self) -> bool:
        done = True
        for namespace, body in missing(self.namespaces.values(), self.held, self.root()):
            done &= await self._write(namespace, body)
        return done

    async def _write(self, namespace: str, body: Body | None) -> bool:
        data = {ENTRY: self.root()}
        try:
            if body is None:
                meta = {"name": NAME, "namespace": namespace, "labels": LABELS}
                await self.api.create(
                    CONFIGMAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}, namespace
                )
            else:
                await self.api.patch(CONFIGMAPS, NAME, namespace, {"data": data})
        except (ApiError, OSError) as error:
            if isinstance(error, ApiError) and error.code in (404, 409):
                return True  # the namespace went, or somebody was faster: an event tells us what is there now
            log.warning("writing ConfigMap %s/%s: %s", namespace, NAME, error)
            return False
        return True
