"""istiod says in an object's status, and in events, what is wrong with it: soon after the edit, while it lasts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tejer.istiod.checks.admission import admit
from tejer.istiod.parts import parse_yaml
from tejer.kube.api import Api
from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import load
from tejer.kube.resource import Body
from tejer.kube.types import DESTINATIONRULES, EVENTS, NAMESPACES, SERVICES, VIRTUALSERVICES
from tests.e2e.apiserver import RunningServer, running_server
from tests.e2e.istiod import OPTIONS, prepare, running_istiod, token
from tests.unit.istiod.checks.objects import istio

PATIENCE = 20.0
"""Seconds; the second that is promised is for a machine that does nothing else, so tests do not hold it to that."""


def nothing(_: Any) -> dict[str, Any]:
    return {}


async def until(what: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
    began = time.monotonic()
    while True:
        value = await what()
        if wanted(value):
            return value
        assert time.monotonic() - began < PATIENCE, f"still {value}"
        await asyncio.sleep(0.05)


def route(subset: str, name: str = "web") -> Body:
    spec = f"hosts: [web]\nhttp: [{{route: [{{destination: {{host: web, subset: {subset}}}}}]}}]"
    return istio("VirtualService", spec, name, "shop")


async def codes(api: Api) -> list[str]:
    status = (await api.get(VIRTUALSERVICES, "web", "shop")).get("status") or {}
    return [message["type"]["code"] for message in status.get("validationMessages") or ()]


async def events(api: Api) -> list[tuple[str, str]]:
    return sorted((event["type"], event["reason"]) for event in (await api.list(EVENTS, "shop")).items)


async def scenario(server: RunningServer) -> None:
    async with HttpApi(load([server.kubeconfig()])) as admin:
        await prepare(admin)
        bearer = await token(admin, OPTIONS.namespace, "istiod", audience="")
        async with HttpApi(load([server.kubeconfig("istiod", token=bearer)])) as api:
            options = replace(OPTIONS, write_status=True)
            async with running_istiod(api, nothing, options=options, validate=admit, parse_yaml=parse_yaml):
                await edits(admin)


async def edits(api: Api) -> None:
    labels = {"istio-injection": "enabled"}
    await api.create(NAMESPACES, {"metadata": {"name": "shop", "labels": labels}})
    service = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80}]}}
    await api.create(SERVICES, service, "shop")
    await api.create(VIRTUALSERVICES, route("v2"), "shop")
    await until(lambda: codes(api), lambda found: found == ["IST0101"])
    held = await api.get(VIRTUALSERVICES, "web", "shop")
    [condition] = held["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Accepted", "False")
    assert condition["message"].startswith("spec.http[0].route[0].destination.subset: Referenced host+subset")
    await until(lambda: events(api), lambda found: ("Warning", "ReferencedResourceNotFound") in found)
    [event] = [one for one in (await api.list(EVENTS, "shop")).items if one["type"] == "Warning"]
    assert event["involvedObject"]["uid"] == held["metadata"]["uid"]
    assert "subset" in event["message"] and event["involvedObject"]["fieldPath"].endswith(".subset")

    rule = istio("DestinationRule", "host: web\nsubsets: [{name: v2}]", "web", "shop")
    await api.create(DESTINATIONRULES, rule, "shop")
    await until(lambda: codes(api), lambda found: found == [])
    mended = await until(lambda: events(api), lambda found: ("Normal", "Mended") in found)
    assert ("Warning", "ReferencedResourceNotFound") not in mended

    await api.delete(DESTINATIONRULES, "web", "shop")
    await until(lambda: codes(api), lambda found: found == ["IST0101"])


def test_problems_come_with_the_edit_and_go_when_it_is_mended(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        asyncio.run(scenario(server))
