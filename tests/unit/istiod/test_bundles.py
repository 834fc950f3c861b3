"""The CA bundle of webhook configurations."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from tejer.istiod.bundles import Bundles, plan
from tejer.istiod.leader import Leader
from tejer.kube.api import Api
from tejer.kube.informer import Informer
from tejer.kube.resource import Body
from tejer.kube.types import MUTATINGWEBHOOKS

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]
ROOT = base64.b64encode(b"root").decode()


def _hook(name: str, **more: Any) -> Body:
    client = {"service": {"name": "istiod", "namespace": "istio-system", "path": "/inject"}} | more
    rule = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    return {
        "name": f"{name}.istio.io", "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore", "rules": [rule],
        "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
    }  # fmt: skip


def test_only_what_differs_is_patched() -> None:
    done = _hook("a", caBundle=ROOT) | {"failurePolicy": "Fail"}
    assert plan({"webhooks": [done]}, "root") == []
    assert plan({"webhooks": [done, _hook("b", caBundle="b2xk")]}, "root") == [
        {"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": ROOT},
        {"op": "add", "path": "/webhooks/1/failurePolicy", "value": "Fail"},
    ]


def test_the_leader_patches_ours_and_leaves_others_alone(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        for name in ("istio-sidecar-injector", "somebody-elses"):
            await api.create(MUTATINGWEBHOOKS, {"metadata": {"name": name}, "webhooks": [_hook("a"), _hook("b")]})
        informer, leader = Informer(api, MUTATINGWEBHOOKS), Leader(api, "istio-system", "a")
        leader.elected.set()
        bundles = Bundles(api, leader, lambda: "root", {MUTATINGWEBHOOKS: informer.store})
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(informer.run(lambda _: bundles.look())), group.create_task(bundles.run())]
            async with asyncio.timeout(5):
                while True:
                    ours = await api.get(MUTATINGWEBHOOKS, "istio-sidecar-injector")
                    if all(hook["clientConfig"].get("caBundle") == ROOT for hook in ours["webhooks"]):
                        break
                    await asyncio.sleep(0.02)
            theirs = await api.get(MUTATINGWEBHOOKS, "somebody-elses")
            assert all("caBundle" not in hook["clientConfig"] for hook in theirs["webhooks"])
            for task in tasks:
                task.cancel()

    with_api(scenario)
