"""Where the authority is kept: made once by the leader, plugged in by the operator, renewed with its key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tejer.istiod.ca import secret
from tejer.istiod.ca.authority import PLUGGED_IN_SECRET, SELF_SIGNED_SECRET, self_signed, to_secret
from tejer.istiod.leader import Leader
from tejer.kube.api import Api
from tejer.kube.types import SECRETS

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]
NAMESPACE = "istio-system"


def test_only_the_leader_makes_one_and_others_wait_for_it(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        leader, follower = Leader(api, NAMESPACE, "a"), Leader(api, NAMESPACE, "b")
        waiting = asyncio.get_running_loop().create_task(secret.wait_for(api, NAMESPACE, "td", follower))
        await asyncio.sleep(0.3)
        assert not waiting.done() and await secret.load(api, NAMESPACE) is None
        leader.elected.set()
        made = await secret.wait_for(api, NAMESPACE, "td", leader)
        assert (await waiting).certificate == made.certificate
        stored = await api.get(SECRETS, SELF_SIGNED_SECRET, NAMESPACE)
        assert stored["type"] == "istio.io/ca-root" and sorted(stored["data"]) == ["ca-cert.pem", "ca-key.pem"]

    with_api(scenario)


def test_the_operators_secret_wins(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        now = datetime.now(UTC)
        mine, other = self_signed(now, "mine"), self_signed(now, "other")
        for name, authority in ((PLUGGED_IN_SECRET, mine), (SELF_SIGNED_SECRET, other)):
            await api.create(
                SECRETS, {"metadata": {"name": name, "namespace": NAMESPACE}, "data": to_secret(authority)}
            )
        found = await secret.load(api, NAMESPACE)
        assert found is not None and found.certificate == mine.certificate
        await secret.renew_if_due(api, NAMESPACE, "td", now + timedelta(days=3600))
        again = await api.get(SECRETS, SELF_SIGNED_SECRET, NAMESPACE)
        assert again["data"] == to_secret(other), "an operator's CA is never renewed by us"

    with_api(scenario)


def test_a_broken_secret_stops_istiod_with_its_name(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        await api.create(SECRETS, {"metadata": {"name": PLUGGED_IN_SECRET, "namespace": NAMESPACE}, "data": {}})
        with pytest.raises(ValueError, match=r"Secret istio-system/cacerts: no ca-cert\.pem"):
            await secret.wait_for(api, NAMESPACE, "td", Leader(api, NAMESPACE, "a"))

    with_api(scenario)


def test_renewal_keeps_the_key(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        leader = Leader(api, NAMESPACE, "a")
        leader.elected.set()
        made = await secret.wait_for(api, NAMESPACE, "td", leader)
        later = datetime.now(UTC) + timedelta(days=3000)
        assert await secret.renew_if_due(api, NAMESPACE, "td", datetime.now(UTC)) is None
        renewed = await secret.renew_if_due(api, NAMESPACE, "td", later)
        assert renewed is not None and renewed.key_pem == made.key_pem
        found = await secret.load(api, NAMESPACE)
        assert found is not None and found.certificate == renewed.certificate != made.certificate

    with_api(scenario)
