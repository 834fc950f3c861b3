"""istiod against the embedded API server, with gRPC clients in the proxies' place (no Envoy, no root needed)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from grpclib.exceptions import GRPCError

from tejer.istiod.ca.authority import self_signed, to_secret
from tejer.istiod.rootcerts import NAME as ROOT_CERT_NAME
from tejer.istiod.translate.rendered import RenderedResource, resource
from tejer.istiod.xds.protocol import CDS, LDS, SDS, Snapshot
from tejer.kube.api import Api, ApiError
from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import load
from tejer.kube.resource import Body
from tejer.kube.types import CONFIGMAPS, ROLEBINDINGS, ROLES, SECRETS, SERVICES
from tests.e2e.apiserver import RunningServer, running_server
from tests.e2e.istiod import (
    OPTIONS,
    client_tls,
    delta_client,
    make_csr,
    make_pod,
    prepare,
    request_certificate,
    running_istiod,
    token,
)


def one_cluster_per_service(view: Any) -> Snapshot:
    """A stand-in for translation: a resource per service that the proxy sees."""
    made: dict[str, RenderedResource] = {}
    for seen in view.services:
        service = seen.service
        body = repr((service.hostname, service.ports)).encode()
        made[service.hostname] = resource(service.hostname, body, [service.source])
    return {CDS: made, LDS: {}}


def with_cluster(tmp_path: Path, scenario: Callable[[RunningServer, Api, Api], Awaitable[None]]) -> None:
    """Run `scenario(server, admin's api, istiod's api)` against a fresh API server."""

    async def run(server: RunningServer) -> None:
        async with HttpApi(load([server.kubeconfig()])) as admin:
            await prepare(admin)
            istiod_token = await token(admin, OPTIONS.namespace, "istiod", audience="")
            async with HttpApi(load([server.kubeconfig("istiod", token=istiod_token)])) as api:
                await scenario(server, admin, api)

    with running_server(tmp_path) as server:
        asyncio.run(run(server))


def service(name: str, namespace: str, port: int = 80) -> Body:
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"name": "http", "port": port}], "selector": {"app": name}},
    }  # fmt: skip


def test_a_pod_gets_its_certificate_and_its_configuration(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, one_cluster_per_service) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web", "version": "v1"})
            root = await root_in(admin, "shop")
            port = istiod.ports["xds"]
            csr, key = make_csr()
            chain = await request_certificate(port, root, await token(admin, "shop", "web", pod), csr)
            leaf = x509.load_pem_x509_certificate(chain[0].encode())
            san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert san.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://cluster.local/ns/shop/sa/web"]
            assert "L=v1" in leaf.subject.rfc4514_string() and chain[-1] == root

            await admin.create(SERVICES, service("web", "shop"))
            tls = client_tls(root, chain[0], key)
            node = "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local"
            async with delta_client(port, tls, node, SERVICE_ACCOUNT="web", NAMESPACE="shop") as proxy:
                await proxy.send(CDS)
                names = {r.name for r in (await proxy.receive()).resources}
                assert "web.shop.svc.cluster.local" in names
                await admin.create(SERVICES, service("pay", "shop"))
                update = await proxy.receive()
                assert [r.name for r in update.resources] == ["pay.shop.svc.cluster.local"]
                await admin.delete(SERVICES, "pay", "shop")
                update = await proxy.receive(refuse="pay.shop.svc.cluster.local: no")
                assert list(update.removed_resources) == ["pay.shop.svc.cluster.local"]

    with_cluster(tmp_path, scenario)


async def root_in(admin: Api, namespace: str) -> str:
    async with asyncio.timeout(10):
        while True:
            try:
                return str((await admin.get(CONFIGMAPS, ROOT_CERT_NAME, namespace))["data"]["root-cert.pem"])
            except ApiError:
                await asyncio.sleep(0.05)


def test_who_is_not_who_it_says_is_refused(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, one_cluster_per_service) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            root, port = await root_in(admin, "shop"), istiod.ports["xds"]
            csr, key = make_csr()
            good = await token(admin, "shop", "web", pod)
            other_audience = await token(admin, "shop", "web", pod, audience="vault")
            for bad, why in (("", "no bearer token"), ("nonsense", "refused"), (other_audience, "refused")):
                with pytest.raises(GRPCError, match=why) as caught:
                    await request_certificate(port, root, bad, csr)
                assert caught.value.status.name == "UNAUTHENTICATED"
            with pytest.raises(GRPCError) as caught:
                await request_certificate(port, root, good, "not a csr")
            assert caught.value.status.name == "INVALID_ARGUMENT"
            chain = await request_certificate(port, root, good, csr)
            nodes = (
                ("sidecar~10.0.0.1~web.bank~bank.svc.cluster.local", "web", "PERMISSION_DENIED"),
                ("sidecar~10.0.0.1~web.shop~shop.svc.cluster.local", "admin", "PERMISSION_DENIED"),
                ("envoy", "web", "INVALID_ARGUMENT"),
            )
            for node, account, status in nodes:
                with pytest.raises(GRPCError) as caught:
                    async with delta_client(
                        port, client_tls(root, chain[0], key), node, SERVICE_ACCOUNT=account
                    ) as proxy:
                        await proxy.send(CDS)
                        await proxy.receive()
                assert caught.value.status.name == status
            with pytest.raises(GRPCError) as caught:
                async with delta_client(port, client_tls(root), nodes[0][0]) as proxy:
                    await proxy.send(CDS)
                    await proxy.receive()
            assert caught.value.status.name == "UNAUTHENTICATED"

    with_cluster(tmp_path, scenario)


def test_a_plugged_in_ca_is_used_without_a_restart(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, one_cluster_per_service) as istiod:
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            old = await root_in(admin, "shop")
            mine = self_signed(datetime.now(UTC), "acme.example")
            meta = {"name": "cacerts", "namespace": OPTIONS.namespace}
            await admin.create(SECRETS, {"metadata": meta, "data": to_secret(mine)})
            async with asyncio.timeout(10):
                while (root := await root_in(admin, "shop")) == old:
                    await asyncio.sleep(0.05)
            assert root == mine.root.decode()
            csr, _key = make_csr()
            bearer = await token(admin, "shop", "web", pod)
            chain = await request_certificate(istiod.ports["xds"], root, bearer, csr)
            leaf = x509.load_pem_x509_certificate(chain[0].encode())
            leaf.verify_directly_issued_by(mine.certificate)

    with_cluster(tmp_path, scenario)


def test_two_replicas_serve_and_one_writes(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        other = replace(OPTIONS, pod="istiod-other")
        async with (
            running_istiod(api, one_cluster_per_service) as first,
            running_istiod(api, one_cluster_per_service, options=other) as second,
        ):
            assert first.leader.elected.is_set() and not second.leader.elected.is_set()
            assert first._authority().root == second._authority().root
            pod = await make_pod(admin, "shop", "web", {"app": "web"})
            root, (csr, _key) = await root_in(admin, "shop"), make_csr()
            for istiod in (first, second):
                bearer = await token(admin, "shop", "web", pod)
                assert (await request_certificate(istiod.ports["xds"], root, bearer, csr))[-1] == root

    with_cluster(tmp_path, scenario)


def test_debug_pages_and_metrics(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, one_cluster_per_service) as istiod, aiohttp.ClientSession() as session:

            async def get(path: str, port: str = "monitoring") -> tuple[int, str]:
                async with session.get(f"http://127.0.0.1:{istiod.ports[port]}{path}") as answer:
                    return answer.status, await answer.text()

            assert await get("/ready", "http") == (200, "ready\n")
            await make_pod(admin, "shop", "web", {"app": "web"})
            node = "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local"
            await admin.create(SERVICES, service("web", "shop"))
            async with asyncio.timeout(5):
                while "web.shop.svc" not in (await get("/debug/registryz"))[1]:
                    await asyncio.sleep(0.02)
            async with delta_client(istiod.ports["plaintext"], None, node, ISTIO_VERSION="1.28.0") as proxy:
                await proxy.send(CDS)
                await proxy.receive(refuse="cluster web.shop.svc.cluster.local is bad")
                async with asyncio.timeout(5):
                    while "is bad" not in (text := (await get("/debug/syncz"))[1]):
                        await asyncio.sleep(0.02)
                [entry] = json.loads(text)
                assert (entry["proxy"], entry["istio_version"]) == ("web.shop", "1.28.0")
                assert entry["types"]["CDS"]["status"] == "ERROR"
                assert entry["types"]["CDS"]["objects"] == ["services/shop/web"]
                assert "rejected it (CDS)" in (await get("/debug/problemz"))[1]
                dump = json.loads((await get("/debug/config_dump?proxyID=web.shop"))[1])
                assert "web.shop.svc.cluster.local" in dump["configs"]["CDS"]
                assert (await get("/debug/config_dump?proxyID=nobody"))[0] == 404
                assert (await get("/debug/nothing"))[0] == 404
                for page in ("adsz", "edsz?proxyID=web.shop", "configz", "registryz", "endpointz", "graphz"):
                    assert (await get(f"/debug/{page}"))[0] == 200, page
                text = (await get("/metrics"))[1]
                for line in (
                    'pilot_xds{version="1.28.0"} 1', 'pilot_xds_pushes{type="cds"} 1',
                    'pilot_push_triggers{type="proxy"} 1',
                    'pilot_total_xds_rejects{type="cds"} 1', f'pilot_xds_cds_reject{{node="{node}"}} 1',
                    'pilot_k8s_reg_events{type="Pods",event="add"} 1', 'tejer_problems{severity="error"} 1',
                ):  # fmt: skip
                    assert f"\n{line}\n" in text, line
                assert float(re.findall(r"^pilot_services (\d+)$", text, re.MULTILINE)[0]) >= 1
            async with asyncio.timeout(5):  # of proxies that are gone nothing is said
                while node in (await get("/metrics"))[1]:
                    await asyncio.sleep(0.02)

    with_cluster(tmp_path, scenario)


def test_a_huge_message_is_refused_and_others_are_served(tmp_path: Path) -> None:
    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, one_cluster_per_service) as istiod:
            node = "sidecar~10.0.0.1~web.shop~shop.svc.cluster.local"
            with pytest.raises(GRPCError) as caught:
                async with delta_client(istiod.ports["plaintext"], None, node) as proxy:
                    await proxy.send(CDS)
                    await proxy.receive()
                    await proxy.send(CDS, ["x" * (5 << 20)])
                    await proxy.receive()
            assert caught.value.status.name == "RESOURCE_EXHAUSTED"
            async with delta_client(istiod.ports["plaintext"], None, node) as proxy:
                await proxy.send(CDS)
                await proxy.receive()

    with_cluster(tmp_path, scenario)


def test_private_keys_go_only_to_gateways_that_may_list_secrets(tmp_path: Path) -> None:
    def with_a_secret(view: Any) -> Snapshot:
        return {**one_cluster_per_service(view), SDS: {"kubernetes://cert": resource("kubernetes://cert", b"key")}}

    async def scenario(_: RunningServer, admin: Api, api: Api) -> None:
        async with running_istiod(api, with_a_secret) as istiod:
            pod = await make_pod(admin, "edge", "gateway", {"istio": "edge"})
            root, (csr, key) = await root_in(admin, "edge"), make_csr()
            port = istiod.ports["xds"]
            chain = await request_certificate(port, root, await token(admin, "edge", "gateway", pod), csr)
            tls = client_tls(root, chain[0], key)

            async def secrets(kind: str = "router", port: int = port, tls: Any = tls) -> list[str]:
                node = f"{kind}~10.0.0.1~gateway.edge~edge.svc.cluster.local"
                async with delta_client(port, tls, node, SERVICE_ACCOUNT="gateway") as proxy:
                    await proxy.send(SDS, ["kubernetes://cert"])
                    return [found.name for found in (await proxy.receive()).resources]

            assert await secrets() == []
            rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch", "list"]}
            meta = {"name": "gateway-sds", "namespace": "edge"}
            await admin.create(ROLES, {"metadata": meta, "rules": [rule]}, "edge")
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gateway-sds"}
            subject = {"kind": "ServiceAccount", "name": "gateway", "namespace": "edge"}
            binding = {"metadata": meta, "roleRef": reference, "subjects": [subject]}
            await admin.create(ROLEBINDINGS, binding, "edge")
            assert await secrets() == ["kubernetes://cert"]
            assert await secrets("sidecar") == []
            assert await secrets(port=istiod.ports["plaintext"], tls=None) == []

    with_cluster(tmp_path, scenario)
