"""`Leader`: one istiod replica at a time may write; which one is decided by a Lease.

As client-go's leader election: a holder renews, others take over when the record has not changed for the lease's
duration by their own clock (so clocks need not agree), and every write is conditional on resourceVersion.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from tejer.kube.api import Api, ApiError
from tejer.kube.resource import Body
from tejer.kube.types import LEASES

log = logging.getLogger(__name__)

LEASE_NAME = "istio-leader"
DURATION = 15.0
RENEW_EVERY = 5.0
RENEW_DEADLINE = 10.0


class Leader:
    """`elected` is set while this replica holds the Lease. `identity` is the pod's name: a restart keeps the Lease."""

    def __init__(self, api: Api, namespace: str, identity: str, *, name: str = LEASE_NAME) -> None:
        self.api, self.namespace, self.identity, self.name = api, namespace, identity, name
        self.elected = asyncio.Event()
        self._seen: tuple[str, float] = ("", 0.0)  # the record's resourceVersion, and when we first saw it
        self._renewed = 0.0

    async def run(self) -> None:
        """Campaigns until cancelled, then gives the Lease back."""
        try:
            while True:
                await self._turn()
                await asyncio.sleep(RENEW_EVERY if self.elected.is_set() else RENEW_EVERY / 2)
        finally:
            if self.elected.is_set():
                self.elected.clear()
                await self._release()

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(RENEW_EVERY):
                held = await self._acquire_or_renew(now)
        except (ApiError, OSError) as error:
            log.warning("renewing lease %s/%s: %s", self.namespace, self.name, error)
            held = self.elected.is_set() and now - self._renewed < RENEW_DEADLINE
        else:
            if held:
                self._renewed = now
        if held and not self.elected.is_set():
            log.info("%s leads", self.identity)
            self.elected.set()
        elif not held and self.elected.is_set():
            log.warning("%s no longer leads", self.identity)
            self.elected.clear()

    async def _acquire_or_renew(self, now: float) -> bool:
        try:
            lease = await self.api.get(LEASES, self.name, self.namespace)
        except ApiError as error:
            if error.code != 404:
                raise
            return await self._write(None, self._spec(None))
        spec = lease.get("spec") or {}
        version = str(lease["metadata"].get("resourceVersion", ""))
        if version != self._seen[0]:
            self._seen = (version, now)
        holder = spec.get("holderIdentity") or ""
        expired = now - self._seen[1] > float(spec.get("leaseDurationSeconds") or DURATION)
        if holder not in ("", self.identity) and not expired:
            return False
        return await self._write(lease, self._spec(spec))

    def _spec(self, old: Body | None) -> Body:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        mine = old is not None and old.get("holderIdentity") == self.identity
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(DURATION),
            "renewTime": stamp,
            "acquireTime": old.get("acquireTime", stamp) if old and mine else stamp,
            "leaseTransitions": int((old or {}).get("leaseTransitions") or 0) + (0 if mine or old is None else 1),
        }

    async def _write(self, lease: Body | None, spec: Body) -> bool:
        try:
            if lease is None:
                body = {
                    "apiVersion": LEASES.api_version, "kind": LEASES.kind, "spec": spec,
                    "metadata": {"name": self.name, "namespace": self.namespace},
                }  # fmt: skip
                await self.api.create(LEASES, body, self.namespace)
            else:
                await self.api.update(LEASES, {**lease, "spec": spec})
        except ApiError as error:
            if error.code == 409:  # somebody else was faster
                return False
            raise
        return True

    async def _release(self) -> None:
        try:
            async with asyncio.timeout(2):
                lease = await self.api.get(LEASES, self.name, self.namespace)
                if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                    await self.api.update(LEASES, {**lease, "spec": {**lease["spec"], "holderIdentity": ""}})
        except (ApiError, OSError) as error:
            log.info("could not give the lease back: %s", error)
