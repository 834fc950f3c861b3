"""istiod against the embedded API server, with gRPC clients in the proxies' place (no Envoy, no root needed)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from grpclib.exceptions import GRPCError

from tejer.istiod.rootcerts import NAME as ROOT_CERT_NAME
from tejer.istiod.translate.rendered import RenderedResource, resource
from tejer.istiod.xds.protocol import CDS, LDS, Snapshot
from tejer.kube.api import Api, ApiError
from tejer.kube.client import HttpApi
from tejer.kube.kubeconfig import load
from tejer.kube.resource import Body
from tejer.kube.types import CONFIGMAPS, SERVICES
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
        made[service.hostname] = resource(service.hostname, body, [service.key])
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
