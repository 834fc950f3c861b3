"""A stock Envoy takes its configuration from istiod over mutual TLS: accepted, rotated, kept over istiod's death.

Needs the Envoy binary; no root, no namespaces (its listeners take ports 15001 and 15006 of the host).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tejer.envoy.agent.atomic import replace_files
from tejer.envoy.agent.metadata import bootstrap_params
from tejer.envoy.agent.proxy import envoy_binary
from tejer.envoy.agent.settings import Settings
from tejer.envoy.agent.supervise import write_configuration
from tejer.envoy.bootstrap import bootstrap
from tejer.envoy.paths import PROXY_DIR
from tejer.envoy.proto import Cluster, Duration
from tejer.istiod.app import Istiod
from tejer.istiod.model.view import ProxyView
from tejer.istiod.parts import Translator, parse_yaml
from tejer.istiod.status import rejections
from tejer.istiod.translate.rendered import RenderedResource, from_message
from tejer.istiod.xds.protocol import CDS, Snapshot
from tejer.kube.api import Api
from tejer.kube.resource import Body
from tejer.kube.types import SERVICES
from tests.e2e.apiserver import RunningServer
from tests.e2e.istiod import OPTIONS, free_port, make_csr, make_pod, request_certificate, running_istiod, token
from tests.e2e.test_istiod_control_plane import root_in, service, with_cluster

pytestmark = pytest.mark.e2e


class Proxy:
    """An Envoy process and its admin port."""

    def __init__(self, process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
        self.process, self.settings, self.log = process, settings, log

    async def admin(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self.settings.admin_port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            text = await answer.text()
            return json.loads(text) if answer.content_type == "application/json" else text

    async def stat(self, name: str) -> int:
        text = await self.admin(f"/stats?filter=^{name}$")
        return int(text.rpartition(":")[2] or 0) if text.strip() else 0

    async def wait_for(self, what: str, *, cluster: str) -> None:
        async with asyncio.timeout(20):
            while True:
                assert self.process.poll() is None, self.log.read_text()[-2000:]
                try:
                    if (cluster in await self.admin("/clusters")) == (what == "present"):
                        return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running_envoy(directory: Path, istiod: Istiod, admin: Api, pod: Body, root: str) -> AsyncIterator[Proxy]:
    meta = pod["metadata"]
    settings = Settings(
        pod=meta["name"], namespace=meta["namespace"], ip="127.0.0.1", service_account=meta["name"],
        labels=meta["labels"], discovery_address=f"localhost:{istiod.ports['xds']}", proxy_dir=str(directory),
        admin_port=free_port(), agent_port=free_port(), log_level="warning",
    )  # fmt: skip
    await rotate(settings, istiod, admin, pod, root)
    write_configuration(settings)
    params = bootstrap_params(settings)._replace(health_port=free_port(), metrics_port=free_port())
    config = directory / "bootstrap.json"
    config.write_text(json.dumps(bootstrap(params)))
    log = directory / "envoy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(envoy_binary()), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield Proxy(process, settings, log)
    finally:
        process.terminate()
        process.wait()


async def rotate(settings: Settings, istiod: Istiod, admin: Api, pod: Body, root: str) -> str:
    """Give the proxy a fresh certificate, as its agent does; returns the leaf."""
    csr, key = make_csr()
    bearer = await token(admin, settings.namespace, settings.service_account, pod)
    leaf, *rest = await request_certificate(istiod.ports["xds"], root, bearer, csr)
    chain = leaf + "".join(rest[:-1])
    files = {"key.pem": key.encode(), "cert-chain.pem": chain.encode(), "root-cert.pem": root.encode()}
    replace_files(Path(settings.certs_dir), files)
    return leaf


class Moved(Translator):
    """Translation for a proxy whose files are not in /etc/istio/proxy but in a directory with as long a name."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._to = str(directory).encode()
        assert len(self._to) == len(PROXY_DIR), "protobuf holds lengths"
        self._moved: dict[int, tuple[Snapshot, Snapshot]] = {}

    def __call__(self, view: ProxyView) -> Snapshot:
        snapshot = super().__call__(view)
        if id(snapshot) not in self._moved:
            moved = {
                url: {
                    name: msgspec.structs.replace(r, body=r.body.replace(PROXY_DIR.encode(), self._to))
                    for name, r in resources.items()
                    if isinstance(r, RenderedResource)
                }
                for url, resources in snapshot.items()
            }
            self._moved[id(snapshot)] = (snapshot, moved)
        return self._moved[id(snapshot)][1]


@pytest.fixture
def proxy_dir() -> Iterator[Path]:
    directory = Path(f"/tmp/tj-{secrets.token_hex(4)}")
    directory.mkdir(mode=0o700)
    yield directory
    shutil.rmtree(directory)


def test_envoy_takes_its_configuration_and_rotates_its_certificate(tmp_path: Path, proxy_dir: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, Moved(proxy_dir), parse_yaml=parse_yaml) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            await admin.create(SERVICES, service("web", "shop"))
            root = await root_in(admin, "shop")
            async with running_envoy(proxy_dir, istiod, admin, pod, root) as proxy:
                await proxy.wait_for("present", cluster="outbound|80||web.shop.svc.cluster.local")
                await admin.create(SERVICES, service("pay", "shop"))
                await proxy.wait_for("present", cluster="outbound|80||pay.shop.svc.cluster.local")
                streams = await proxy.stat("cluster.xds-grpc.upstream_cx_total")
                await rotate(proxy.settings, istiod, admin, pod, root)
                await admin.delete(SERVICES, "pay", "shop")
                await proxy.wait_for("absent", cluster="outbound|80||pay.shop.svc.cluster.local")
                [connection] = istiod.services.connections.values()
                assert {watch.status for watch in connection.stream.watches.values()} <= {"SYNCED", "STALE"}
                assert await proxy.stat("cluster_manager.cds.update_rejected") == 0
                assert await proxy.stat("listener_manager.lds.update_rejected") == 0
                assert await proxy.stat("cluster.xds-grpc.upstream_cx_total") == streams == 1, (
                    "no connection was dropped"
                )

    with_cluster(tmp_path, scenario)


def test_a_restarted_istiod_resends_nothing(tmp_path: Path, proxy_dir: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        options = replace(OPTIONS, grpc_port=free_port())
        pod = await make_pod(admin, "shop", "web", {"app": "web"})
        await admin.create(SERVICES, service("web", "shop"))
        async with running_istiod(api, Moved(proxy_dir), options=options, parse_yaml=parse_yaml) as istiod:
            root = await root_in(admin, "shop")
            envoy = running_envoy(proxy_dir, istiod, admin, pod, root)
            proxy = await envoy.__aenter__()
            await proxy.wait_for("present", cluster="outbound|80||web.shop.svc.cluster.local")
            await asyncio.sleep(1)
        try:
            before = await proxy.stat("cluster_manager.cds.update_success")
            async with running_istiod(api, Moved(proxy_dir), options=options, parse_yaml=parse_yaml) as istiod:
                async with asyncio.timeout(30):
                    while not istiod.services.connections:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(1)
                assert istiod.metrics.pushes.values == {}
                await admin.create(SERVICES, service("pay", "shop"))
                await proxy.wait_for("present", cluster="outbound|80||pay.shop.svc.cluster.local")
                assert await proxy.stat("cluster_manager.cds.update_success") > before
        finally:
            await envoy.__aexit__(None, None, None)

    with_cluster(tmp_path, scenario)


class Faulty(Moved):
    """A translation with a fault: clusters of services called `broken` have what Envoy refuses."""

    def __call__(self, view: ProxyView) -> Snapshot:
        snapshot = super().__call__(view)
        clusters = dict(snapshot[CDS])
        for name, held in snapshot[CDS].items():
            if "|broken." in name:
                bad = Cluster.FromString(held.body)
                bad.connect_timeout.CopyFrom(Duration(seconds=-1))
                clusters[name] = from_message(name, bad, held.sources)
        return {**snapshot, CDS: clusters}


def test_what_envoy_rejects_is_named_with_its_object_and_the_rest_goes_on(
    tmp_path: Path, proxy_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, Faulty(proxy_dir), parse_yaml=parse_yaml) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            root = await root_in(admin, "shop")
            async with running_envoy(proxy_dir, istiod, admin, pod, root) as proxy:
                for name in ("web", "broken"):
                    await admin.create(SERVICES, service(name, "shop"))
                await proxy.wait_for("present", cluster="outbound|80||web.shop.svc.cluster.local")
                async with asyncio.timeout(10):
                    while not (problems := rejections(istiod.services.connections.values())):
                        await asyncio.sleep(0.05)
                assert [str(problem.key) for problem in problems] == ["services/shop/broken"]
                await admin.create(SERVICES, service("pay", "shop"))
                await proxy.wait_for("present", cluster="outbound|80||pay.shop.svc.cluster.local")
                assert "outbound|80||broken.shop.svc.cluster.local" not in await proxy.admin("/clusters")

    with_cluster(tmp_path, scenario)
    assert any("made from services/shop/broken" in record.getMessage() for record in caplog.records)
