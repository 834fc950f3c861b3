"""Admission webhooks, called over TLS at a real (loopback) server."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from tejer.cluster.apiserver.server import ApiServer
from tejer.kube.api import ApiError
from tejer.kube.resource import Body
from tejer.kube.types import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    MUTATINGWEBHOOKS,
    PODS,
    SERVICEACCOUNTS,
    SERVICES,
    VALIDATINGWEBHOOKS,
)
from tests.e2e.apiserver import Authority

Run = Callable[[Callable[[ApiServer], Awaitable[None]]], None]
Answer = Callable[[Body], Body]


@contextlib.asynccontextmanager
async def webhook(directory: Path, answer: Answer, reviews: list[Body] | None = None) -> AsyncIterator[tuple[int, str]]:
    """(port, caBundle) of a webhook `hook.default.svc` that answers each request with `answer(request)`."""
    authority = Authority(directory)
    cert, key = authority.issue("hook", hosts=("hook.default.svc",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    async def handle(request: web.Request) -> web.Response:
        review: Body = msgspec.json.decode(await request.read())
        if reviews is not None:
            reviews.append(review)
        said = {"uid": review["request"]["uid"], "allowed": True, **answer(review["request"])}
        return web.json_response({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": said})

    app = web.Application()
    app.router.add_post("/hook", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1], base64.b64encode(authority.ca.read_bytes()).decode()
    finally:
        await runner.cleanup()


ELSEWHERE = "192.0.2.9"
"""An endpoint's address may not be this machine's own; calls to this one go to the test's server."""


async def register(server: ApiServer, port: int, bundle: str, *, mutating: bool = False, **more: object) -> None:
    """The Service `hook` with its endpoint, and a configuration that sends it ConfigMaps and pods."""
    api = server.local("system:tester")
    meta = {"name": "hook", "namespace": "default"}
    service: Body = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 443}]}}
    piece: Body = {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "hook"}}, "ports": [{"name": "", "port": port}],
        "endpoints": [{"addresses": [ELSEWHERE], "conditions": {"ready": True}}],
    }  # fmt: skip
    await api.create(SERVICES, service)
    await api.create(ENDPOINTSLICES, piece)
    resolve = server._webhooks._resolve

    async def nearby(namespace: str, name: str, wanted: int) -> tuple[str, int]:
        host, port = await resolve(namespace, name, wanted)
        return ("127.0.0.1" if host == ELSEWHERE else host), port

    server._webhooks._resolve = nearby
    rtype = MUTATINGWEBHOOKS if mutating else VALIDATINGWEBHOOKS
    hook: Body = {
        "name": "hook.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
        "clientConfig": {"service": {"namespace": "default", "name": "hook", "path": "/hook"}, "caBundle": bundle},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps", "pods"]}],
        **more,
    }  # fmt: skip
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": rtype.kind, "metadata": {"name": "hook"},
        "webhooks": [hook],
    }  # fmt: skip
    await api.create(rtype, configuration)


def configmap(name: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"own": "1"},
    }


def patch_of(*operations: Body) -> Body:
    return {"patchType": "JSONPatch", "patch": base64.b64encode(msgspec.json.encode(operations)).decode()}


def test_a_mutating_webhook_changes_the_object(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        change = patch_of({"op": "add", "path": "/data/added", "value": "yes"})
        async with webhook(tmp_path, lambda request: change) as (port, bundle):
            await register(server, port, bundle, mutating=True)
            made = await server.local("system:tester").create(CONFIGMAPS, configmap("a"))
            assert made["data"] == {"own": "1", "added": "yes"}

    with_server(test)


def test_an_injected_container_gets_the_token_too(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": "default"},
        }
        await api.create(SERVICEACCOUNTS, account)
        change = patch_of({"op": "add", "path": "/spec/containers/-", "value": {"name": "proxy", "image": "p"}})
        async with webhook(tmp_path, lambda request: change) as (port, bundle):
            await register(server, port, bundle, mutating=True)
            pod = configmap("a") | {"kind": "Pod", "spec": {"containers": [{"name": "main", "image": "i"}]}}
            del pod["data"]
            spec = (await api.create(PODS, pod))["spec"]
        assert [len(container["volumeMounts"]) for container in spec["containers"]] == [1, 1]
        assert spec["containers"][1]["imagePullPolicy"]
        assert len(spec["volumes"]) == 1

    with_server(test)


def test_a_validating_webhook_denies_with_its_message(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        api = server.local("system:tester")
        reviews: list[Body] = []
        denial: Body = {"allowed": False, "status": {"message": "not on Fridays", "code": 403}}
        async with webhook(tmp_path, lambda request: denial, reviews) as (port, bundle):
            await api.create(CONFIGMAPS, configmap("old"))
            await register(server, port, bundle)
            for call in (
                api.create(CONFIGMAPS, configmap("a")),
                api.patch(CONFIGMAPS, "old", "default", {"data": {"x": "1"}}),
                api.delete(CONFIGMAPS, "old", "default"),
            ):
                with pytest.raises(ApiError, match="not on Fridays") as error:
                    await call
                assert error.value.code == 403
        created, updated, deleted = (review["request"] for review in reviews)
        assert created["operation"] == "CREATE" and created["oldObject"] is None
        assert created["userInfo"]["username"] == "system:tester"
        assert updated["object"]["data"] == {"own": "1", "x": "1"} and updated["oldObject"]["data"] == {"own": "1"}
        assert deleted["object"] is None and deleted["oldObject"]["metadata"]["name"] == "old"

    with_server(test)


def test_warnings_reach_the_client(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        async with webhook(tmp_path, lambda request: {"warnings": ["mind the gap"]}) as (port, bundle):
            await register(server, port, bundle)
            assert server._verbs is not None
            local = server.local("system:tester")
            request = local._request("create", CONFIGMAPS, "default")  # type: ignore[attr-defined]
            await server._verbs.create(request, configmap("a"))
            assert request.warnings == ["mind the gap"]

    with_server(test)


@pytest.mark.parametrize(("policy", "allowed"), [("Fail", False), ("Ignore", True)])
def test_a_webhook_that_can_not_be_reached(with_server: Run, tmp_path: Path, policy: str, allowed: bool) -> None:
    async def test(server: ApiServer) -> None:
        async with webhook(tmp_path, lambda request: {}) as (_, bundle):
            await register(server, 1, bundle, failurePolicy=policy)
            await expect(server, allowed, "failed calling webhook")

    with_server(test)


def test_another_authority_is_not_believed(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        async with webhook(tmp_path, lambda request: {}) as (port, _):
            (tmp_path / "other").mkdir()
            other = base64.b64encode(Authority(tmp_path / "other").ca.read_bytes()).decode()
            await register(server, port, other)
            await expect(server, False, "certificate")

    with_server(test)


def test_an_endless_answer_is_cut_off(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        async with webhook(tmp_path, lambda request: {"warnings": ["x" * 1024] * 9000}) as (port, bundle):
            await register(server, port, bundle)
            await expect(server, False, "answer is larger than 8388608 bytes")

    with_server(test)


def test_a_slow_webhook_times_out(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(stall, "127.0.0.1", 0)
        async with silent:
            await register(server, silent.sockets[0].getsockname()[1], "")
            await expect(server, False, "deadline exceeded")

    with_server(test)


def test_objects_out_of_the_selector_are_not_sent(with_server: Run, tmp_path: Path) -> None:
    async def test(server: ApiServer) -> None:
        async with webhook(tmp_path, lambda request: {"allowed": False}) as (port, bundle):
            await register(server, port, bundle, objectSelector={"matchLabels": {"checked": "yes"}})
            api = server.local("system:tester")
            await api.create(CONFIGMAPS, configmap("a"))
            checked = configmap("b")
            checked["metadata"]["labels"] = {"checked": "yes"}
            with pytest.raises(ApiError):
                await api.create(CONFIGMAPS, checked)

    with_server(test)


async def expect(server: ApiServer, allowed: bool, message: str) -> None:
    create = server.local("system:tester").create(CONFIGMAPS, configmap("a"))
    if allowed:
        await create
        return
    with pytest.raises(ApiError, match=message) as error:
        await create
    assert error.value.code == 500
