"""`HttpApi` against a small HTTP server that answers as an API server would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tejer.kube.api import JSON_PATCH, ApiError
from tejer.kube.client import HttpApi
from tejer.kube.connection import Connection
from tejer.kube.resource import Body
from tejer.kube.types import PODS, SERVICEACCOUNTS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def serve(
    handler: Handler, use: Callable[[HttpApi], Awaitable[None]], *, token: str = "", token_file: Path | None = None
) -> None:
    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handler)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with HttpApi(Connection(f"http://127.0.0.1:{port}", token=token, token_file=token_file)) as api:
                await use(api)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_lists_are_read_in_pages_and_items_get_their_kind() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/api/v1/namespaces/ns/pods" and request.query["labelSelector"] == "app=x"
        second = request.query.get("continue") == "more"
        meta = {"resourceVersion": "7"} | ({} if second else {"continue": "more"})
        return web.json_response({"metadata": meta, "items": [{"metadata": {"name": "b" if second else "a"}}]})

    async def use(api: HttpApi) -> None:
        result = await api.list(PODS, "ns", label_selector="app=x")
        assert [item["metadata"]["name"] for item in result.items] == ["a", "b"] and result.resource_version == "7"
        assert {(item["apiVersion"], item["kind"]) for item in result.items} == {("v1", "Pod")}

    serve(handler, use)


def test_watches_yield_events_cut_anywhere_and_raise_the_error_event() -> None:
    big = {"type": "ADDED", "object": {"metadata": {"name": "a", "note": "x" * 300_000}}}
    gone = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.query["resourceVersion"] == "5" and request.query["allowWatchBookmarks"] == "true"
        response = web.StreamResponse()
        await response.prepare(request)
        data = b"".join(json.dumps(event).encode() + b"\n" for event in (big, gone))
        for start in range(0, len(data), 100_000):
            await response.write(data[start : start + 100_000])
        return response

    async def use(api: HttpApi) -> None:
        seen: list[str] = []
        with pytest.raises(ApiError) as caught:
            async for event in api.watch(PODS, resource_version="5"):
                seen.append(event.type)
        assert seen == ["ADDED"] and caught.value.code == 410

    serve(handler, use)


def test_refusals_carry_the_status() -> None:
    async def handler(_: web.Request) -> web.Response:
        status = {"kind": "Status", "code": 409, "reason": "Conflict", "message": "changed", "details": {"name": "a"}}
        return web.json_response(status, status=409)

    async def use(api: HttpApi) -> None:
        with pytest.raises(ApiError) as caught:
            await api.update(PODS, {"metadata": {"name": "a", "namespace": "ns"}})
        error = caught.value
        assert (error.code, error.reason, error.message, error.details) == (409, "Conflict", "changed", {"name": "a"})

    serve(handler, use)


def test_verbs_go_to_their_paths() -> None:
    seen: list[tuple[str, str, str, object]] = []

    async def handler(request: web.Request) -> web.Response:
        query = "&".join(f"{key}={value}" for key, value in sorted(request.query.items()) if key != "fieldManager")
        seen.append((request.method, request.path, query, await request.json() if request.can_read_body else None))
        return web.json_response({"ok": request.content_type})

    async def use(api: HttpApi) -> None:
        body: Body = {"metadata": {"name": "a", "namespace": "ns"}}
        await api.get(PODS, "a", "ns")
        await api.create(PODS, body, dry_run=True)
        await api.create(SERVICEACCOUNTS, {"spec": {}}, "ns", subresource="token", name="sa")
        await api.update(PODS, body, subresource="status")
        answer = await api.patch(PODS, "a", "ns", [{"op": "remove"}], content_type=JSON_PATCH, force=True)
        assert answer == {"ok": "application/json-patch+json"}
        await api.delete(PODS, "a", "ns", grace_period_seconds=0, uid="u")

    serve(handler, use)
    pods = "/api/v1/namespaces/ns/pods"
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}
    assert seen == [
        ("GET", f"{pods}/a", "", None),
        ("POST", pods, "dryRun=All", {"metadata": {"name": "a", "namespace": "ns"}}),
        ("POST", "/api/v1/namespaces/ns/serviceaccounts/sa/token", "", {"spec": {}}),
        ("PUT", f"{pods}/a/status", "", {"metadata": {"name": "a", "namespace": "ns"}}),
        ("PATCH", f"{pods}/a", "force=true", [{"op": "remove"}]),
        ("DELETE", f"{pods}/a", "", options),
    ]


def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.json_response({})

    async def use(api: HttpApi) -> None:
        await api.get(PODS, "a", "ns")
        fresh = tmp_path / "fresh"
        fresh.write_text("two\n")
        fresh.rename(token)
        await api.get(PODS, "a", "ns")

    serve(handler, use, token_file=token)
    assert seen == ["Bearer one", "Bearer two"]


def test_a_server_that_is_not_there_is_an_oserror() -> None:
    async def run() -> None:
        async with HttpApi(Connection("http://127.0.0.1:1")) as api:
            with pytest.raises(OSError, match=r"can't reach the API server at http://127.0.0.1:1"):
                await api.get(PODS, "a", "ns")

    asyncio.run(run())


def test_an_answer_that_is_not_kubernetes_is_an_oserror() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>login</html>")

    async def use(api: HttpApi) -> None:
        with pytest.raises(OSError, match="not JSON"):
            await api.get(PODS, "a", "ns")

    serve(handler, use)


def test_a_streamed_list_asks_for_its_initial_events() -> None:
    async def handler(request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert (asked["watch"], asked["sendInitialEvents"]) == ("1", "true") and "resourceVersion" not in asked
        assert asked["resourceVersionMatch"] == "NotOlderThan"
        return web.Response(text=json.dumps({"type": "ADDED", "object": {"metadata": {"name": "a"}}}) + "\n")

    async def use(api: HttpApi) -> None:
        assert [event.type async for event in api.watch_list(PODS)] == ["ADDED"]

    serve(handler, use)
