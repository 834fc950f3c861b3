"""Leader election on a real Lease: one holder, hand-over on stop, take-over on silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

import tejer.istiod.leader
from tejer.istiod.leader import LEASE_NAME, Leader
from tejer.kube.api import Api
from tejer.kube.types import LEASES

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tejer.istiod.leader, "RENEW_EVERY", 0.05)


async def _wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


def test_one_leads_and_hands_over_when_it_stops(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        first, second = Leader(api, "istio-system", "a"), Leader(api, "istio-system", "b")
        running = asyncio.get_running_loop().create_task(first.run())
        await _wait(first.elected)
        other = asyncio.get_running_loop().create_task(second.run())
        await asyncio.sleep(0.3)
        assert not second.elected.is_set()
        running.cancel()
        await _wait(second.elected)
        lease = await api.get(LEASES, LEASE_NAME, "istio-system")
        assert lease["spec"]["holderIdentity"] == "b" and lease["spec"]["leaseTransitions"] == 1
        other.cancel()
        await asyncio.gather(running, other, return_exceptions=True)

    with_api(scenario)


def test_a_silent_holder_is_replaced_after_the_leases_time(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        spec = {"holderIdentity": "dead", "leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"}
        await api.create(LEASES, {"metadata": {"name": LEASE_NAME, "namespace": "istio-system"}, "spec": spec})
        leader = Leader(api, "istio-system", "b")
        running = asyncio.get_running_loop().create_task(leader.run())
        await asyncio.sleep(0.3)
        assert not leader.elected.is_set(), "only what we saw unchanged for the lease's duration is over"
        await _wait(leader.elected)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        lease = await api.get(LEASES, LEASE_NAME, "istio-system")
        assert lease["spec"]["holderIdentity"] == ""

    with_api(scenario)


def test_the_same_pod_leads_on_after_a_restart(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        spec = {"holderIdentity": "b", "leaseDurationSeconds": 15}
        await api.create(LEASES, {"metadata": {"name": LEASE_NAME, "namespace": "istio-system"}, "spec": spec})
        leader = Leader(api, "istio-system", "b")
        running = asyncio.get_running_loop().create_task(leader.run())
        async with asyncio.timeout(1):
            await leader.elected.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with_api(scenario)
