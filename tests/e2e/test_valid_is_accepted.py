"""No object that passes validation makes Envoy refuse what is made of it: many random ones, one stock Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tejer.cli.offline import check_mesh_object
from tejer.istiod.app import Istiod
from tejer.istiod.checks.structure import spec_schema
from tejer.istiod.parts import parse_yaml
from tejer.istiod.status import rejections
from tejer.kube.api import Api, ApiError
from tejer.kube.crds import KINDS
from tejer.kube.problem import Severity
from tejer.kube.resource import Body, namespace_of
from tejer.kube.types import SERVICES, ResourceType
from tests.e2e.apiserver import RunningServer
from tests.e2e.istiod import make_pod, running_istiod
from tests.e2e.test_istiod_control_plane import root_in, service, with_cluster
from tests.e2e.test_istiod_envoy import Moved, proxy_dir, running_envoy
from tests.support.growing import grow

__all__ = ["proxy_dir"]  # a fixture
SEED, OBJECTS, STEPS, SERVICE_COUNT, BATCH = 7, 240, 60, 20, 24
ELSEWHERE = ("workloadSelector", "selector", "targetRef", "targetRefs", "exportTo", "gateways")
"""What would take an object away from the one proxy there is."""
SMALLEST: dict[str, Callable[[str], dict[str, Any]]] = {
    "VirtualService": lambda host: {"hosts": [host], "http": [{"route": [{"destination": {"host": host}}]}]},
    "DestinationRule": lambda host: {"host": host},
    "ServiceEntry": lambda host: {
        "hosts": [f"x-{host}"], "ports": [{"number": 8000, "name": "http", "protocol": "HTTP"}], "resolution": "STATIC",
    },
    "Sidecar": lambda _: {"egress": [{"hosts": ["*/*"]}]},
    "AuthorizationPolicy": lambda _: {"rules": [{}]},
    "PeerAuthentication": lambda _: {},
    "RequestAuthentication": lambda _: {},
    "Telemetry": lambda _: {},
}  # fmt: skip
FIXED: dict[str, Callable[[str], dict[str, Any]]] = {
    "DestinationRule": lambda host: {"host": host},
    "VirtualService": lambda host: {"hosts": [host]},
}  # fmt: skip


def _nothing(_: str) -> dict[str, Any]:
    return {}


def valid_objects() -> list[tuple[ResourceType, Body]]:
    """Random objects that pass every check, aimed at the Services that exist so that they have an effect."""
    random = Random(SEED)
    rows = [row for row in KINDS if row[0].kind in SMALLEST]
    made: list[tuple[ResourceType, Body]] = []
    for number in range(OBJECTS):
        rtype, kind = rows[number % len(rows)]
        host = f"s{number % SERVICE_COUNT}.shop.svc.cluster.local"
        metadata = {"name": f"o{number}", "namespace": "shop"}
        body = {"apiVersion": rtype.api_version, "kind": rtype.kind, "metadata": metadata}

        def is_right(spec: Any, body: Body = body, rtype: ResourceType = rtype, host: str = host) -> bool:
            if any(name in spec for name in ELSEWHERE):
                return False
            spec = {**spec, **FIXED.get(rtype.kind, _nothing)(host)}
            return not any(p.severity is Severity.ERROR for p in check_mesh_object({**body, "spec": spec}))

        fixed = FIXED.get(rtype.kind, _nothing)(host)
        spec = grow(SMALLEST[rtype.kind](host), spec_schema(kind), random, is_right, steps=STEPS)
        made.append((rtype, {**body, "spec": {**spec, **fixed}}))
    return made


async def settled(istiod: Istiod) -> None:
    """Until the proxy has answered everything."""
    await istiod.pusher.settled()
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.1)
            watches = [w for c in istiod.services.connections.values() for w in c.stream.watches.values()]
            if watches and not any(watch.in_flight or not watch.sent_nonce for watch in watches):
                return


def test_valid_objects_are_accepted(tmp_path: Path, proxy_dir: Path) -> None:
    objects = valid_objects()
    grown = [body for _, body in objects if len(str(body["spec"])) > 150]
    assert len(grown) > OBJECTS // 2, "the objects are too small to prove anything"

    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, Moved(proxy_dir), parse_yaml=parse_yaml) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            for number in range(SERVICE_COUNT):
                await admin.create(SERVICES, service(f"s{number}", "shop"))
            root = await root_in(admin, "shop")
            async with running_envoy(proxy_dir, istiod, admin, pod, root) as proxy:
                await proxy.wait_for("present", cluster="outbound|80||s0.shop.svc.cluster.local")
                for start in range(0, len(objects), BATCH):
                    batch = objects[start : start + BATCH]
                    made = []
                    for rtype, body in batch:
                        try:
                            made.append(await admin.create(rtype, body, namespace_of(body)))
                        except ApiError as error:
                            raise AssertionError(f"passed our checks, and not the server's: {error} {body}") from None
                    await settled(istiod)
                    refused = {p.key: p.message for p in rejections(istiod.services.connections.values()) if p.key}
                    names = {key.name for key in refused}
                    assert not refused, (refused, [b["spec"] for _, b in batch if b["metadata"]["name"] in names])
                    for (rtype, _spec), body in zip(batch, made, strict=True):
                        await admin.delete(rtype, body["metadata"]["name"], "shop")

    with_cluster(tmp_path, scenario)
