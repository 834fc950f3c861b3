"""An istiod in this process against an API server of its own, and gRPC clients that speak to it as proxies do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpclib.client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpclib.const import Cardinality

from tejer.envoy.istio_protos import CREATE_CERTIFICATE
from tejer.envoy.proto import (
    DeltaDiscoveryRequest,
    DeltaDiscoveryResponse,
    IstioCertificateRequest,
    IstioCertificateResponse,
    Node,
    struct,
)
from tejer.istiod.app import Istiod
from tejer.istiod.options import Options
from tejer.istiod.rbac import CLUSTER_RULES, NAMESPACE_RULES
from tejer.istiod.webhooks import Injection
from tejer.istiod.xds.protocol import Snapshot
from tejer.kube.api import Api
from tejer.kube.crds import crds
from tejer.kube.problem import Problem
from tejer.kube.resource import Body
from tejer.kube.types import (
    CLUSTERROLEBINDINGS,
    CLUSTERROLES,
    CUSTOMRESOURCEDEFINITIONS,
    NAMESPACES,
    PODS,
    ROLEBINDINGS,
    ROLES,
    SERVICEACCOUNTS,
)

OPTIONS = Options(
    pod="istiod-test", address="127.0.0.1", http_port=0, plaintext_port=0, grpc_port=0, monitoring_port=0,
    webhook_port=0,
)  # fmt: skip
_RBAC = "rbac.authorization.k8s.io"


async def prepare(admin: Api) -> None:
    """What `tejer install` puts into a cluster that istiod itself needs: namespace, CRDs, ServiceAccount, RBAC."""
    system = OPTIONS.namespace
    subjects = [{"kind": "ServiceAccount", "name": "istiod", "namespace": system}]
    await admin.create(NAMESPACES, {"metadata": {"name": system}})
    for crd in crds():
        await admin.create(CUSTOMRESOURCEDEFINITIONS, crd)
    await admin.create(SERVICEACCOUNTS, {"metadata": {"name": "istiod", "namespace": system}}, system)
    await admin.create(CLUSTERROLES, {"metadata": {"name": "istiod"}, "rules": list(CLUSTER_RULES)})
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "istiod"}
    await admin.create(
        CLUSTERROLEBINDINGS, {"metadata": {"name": "istiod"}, "roleRef": reference, "subjects": subjects}
    )
    meta = {"name": "istiod", "namespace": system}
    await admin.create(ROLES, {"metadata": meta, "rules": list(NAMESPACE_RULES)}, system)
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": "istiod"}
    await admin.create(ROLEBINDINGS, {"metadata": meta, "roleRef": reference, "subjects": subjects}, system)


async def make_pod(admin: Api, namespace: str, name: str, labels: dict[str, str]) -> Body:
    """A namespace with a ServiceAccount and a pod, without anybody to run it."""
    await admin.create(NAMESPACES, {"metadata": {"name": namespace}})
    await admin.create(SERVICEACCOUNTS, {"metadata": {"name": name, "namespace": namespace}}, namespace)
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"serviceAccountName": name, "containers": [{"name": "app", "image": "tejer/echo"}]},
    }  # fmt: skip
    return await admin.create(PODS, pod, namespace)


async def token(admin: Api, namespace: str, account: str, pod: Body | None = None, audience: str = "istio-ca") -> str:
    spec: Body = {"audiences": [audience] if audience else [], "expirationSeconds": 3600}
    if pod is not None:
        meta = pod["metadata"]
        spec["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    made = await admin.create(SERVICEACCOUNTS, request, namespace, subresource="token", name=account)
    return str(made["status"]["token"])


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def no_injection(_: Body, __: str) -> Injection:
    return Injection()


def no_problems(_: Body, __: Body | None) -> Sequence[Problem]:
    return ()


@asynccontextmanager
async def running_istiod(
    api: Api, render: Callable[[Any], Snapshot], *, options: Options = OPTIONS, **parts: Any
) -> AsyncIterator[Istiod]:
    parts = {"inject": no_injection, "validate": no_problems, "parse_yaml": lambda _: {}} | parts
    istiod = Istiod(replace(options), api, render=render, **parts)
    task = asyncio.get_running_loop().create_task(istiod.run())
    try:
        async with asyncio.timeout(20):
            while istiod.waiting_for:
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        yield istiod
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def client_tls(root: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    from tejer.kube.connection import load_key_pair

    context = ssl.create_default_context(cadata=root)
    context.set_alpn_protocols(["h2"])
    if certificate:
        load_key_pair(context, certificate.encode(), key.encode())
    return context


def make_csr() -> tuple[str, str]:
    """(CSR, private key), PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return csr.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


async def request_certificate(port: int, root: str, bearer: str, csr: str) -> list[str]:
    channel = grpclib.client.Channel("localhost", port, ssl=client_tls(root))
    try:
        method = grpclib.client.UnaryUnaryMethod(
            channel, CREATE_CERTIFICATE, IstioCertificateRequest, IstioCertificateResponse
        )
        answer = await method(
            IstioCertificateRequest(csr=csr, validity_duration=3600),
            metadata={"authorization": f"Bearer {bearer}"} if bearer else {},
            timeout=10,
        )
        return list(answer.cert_chain)
    finally:
        channel.close()


class DeltaClient:
    """A proxy's ADS stream. `receive` returns the next response and acknowledges it unless told otherwise."""

    def __init__(self, stream: Any, node: Node) -> None:
        self._stream, self._node = stream, node
        self._said_who = False

    async def send(self, type_url: str, subscribe: Sequence[str] = (), **more: Any) -> None:
        request = DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=subscribe, **more)
        if not self._said_who:
            request.node.CopyFrom(self._node)
            self._said_who = True
        await self._stream.send_message(request)

    async def receive(self, *, refuse: str = "", timeout: float = 10) -> DeltaDiscoveryResponse:
        async with asyncio.timeout(timeout):
            response = await self._stream.recv_message()
        assert isinstance(response, DeltaDiscoveryResponse), "the server ended the stream"
        more: dict[str, Any] = {"error_detail": {"message": refuse}} if refuse else {}
        await self.send(response.type_url, response_nonce=response.nonce, **more)
        return response


@asynccontextmanager
async def delta_client(
    port: int, tls: ssl.SSLContext | None, node_id: str, *, bearer: str = "", **metadata: Any
) -> AsyncIterator[DeltaClient]:
    channel = grpclib.client.Channel("localhost" if tls else "127.0.0.1", port, ssl=tls)
    path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
    try:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        request = channel.request(
            path, Cardinality.STREAM_STREAM, DeltaDiscoveryRequest, DeltaDiscoveryResponse, metadata=headers
        )
        async with request as stream:
            yield DeltaClient(stream, Node(id=node_id, metadata=struct(metadata)))
            await stream.cancel()
    finally:
        channel.close()
