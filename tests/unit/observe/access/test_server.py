"""A guarded server over real sockets, with an API server that knows two users."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from tejer.kube.api import Api
from tejer.observe.access import link
from tejer.observe.access.guard import WHO, AccessSettings, Guard
from tejer.observe.access.linkdoor import private_directory
from tejer.observe.access.login import seconds_left
from tejer.observe.access.protect import protect
from tejer.observe.access.sessions import SESSION_SECONDS, Who
from tejer.observe.access.throttle import BURST

Client = TestClient[web.Request, web.Application]
HTML = {"Accept": "text/html"}


class ApiServer:
    """TokenReview knows jane's and john's tokens; RBAC lets jane read. `asked` are the kinds of reviews."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    async def create(self, rtype: Any, body: Any, *_: Any, **__: Any) -> Any:
        if self.down:
            raise ConnectionError("can't reach the API server")
        self.asked.append(rtype.kind)
        spec = body["spec"]
        if rtype.kind == "TokenReview":
            user = {"token-of-jane": "jane", "token-of-john": "john"}.get(spec["token"])
            return {"status": {"authenticated": bool(user), "user": {"username": user or "", "groups": ["dev"]}}}
        attributes = spec["resourceAttributes"]
        wanted = {"namespace": "istio-system", "resource": "services", "subresource": "proxy", "name": "prometheus"}
        assert {name: attributes[name] for name in wanted} == wanted
        return {"status": {"allowed": spec["user"] == "jane" and attributes["verb"] == "get"}}


class World:
    def __init__(self, folder: Path) -> None:
        self.api, self.now = ApiServer(), 0.0
        self.app = web.Application()
        settings = AccessSettings("prometheus", socket=folder / "door" / "link", reading=("/api/v1/query",))
        self.guard: Guard = protect(self.app, settings, cast(Api, self.api), lambda: self.now)

        async def on_any(request: web.Request) -> web.Response:
            return web.json_response({"user": request[WHO].user if WHO in request else ""})

        self.app.router.add_route("*", "/api/v1/query", on_any)
        self.app.router.add_route("*", "/api/v1/other", on_any)
        self.app.router.add_get("/-/healthy", on_any)


def visiting(folder: Path, visit: Callable[[World, Client], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(folder)
        async with TestClient(TestServer(world.app), cookie_jar=CookieJar(unsafe=True)) as client:
            await visit(world, client)

    asyncio.run(run())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_tokens_and_rights(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        assert (await client.get("/-/healthy")).status == 200
        assert world.api.asked == []
        nobody = await client.get("/api/v1/query")
        assert nobody.status == 401
        assert nobody.headers["WWW-Authenticate"] == "Bearer"
        assert (await nobody.json())["errorType"] == "unauthorized"
        jane = await client.get("/api/v1/query", headers=bearer("token-of-jane"))
        assert (jane.status, await jane.json()) == (200, {"user": "jane"})
        john = await client.get("/api/v1/query", headers=bearer("token-of-john"))
        assert john.status == 403
        assert "john may not get services/proxy prometheus in istio-system" in (await john.json())["error"]
        assert (await client.post("/api/v1/query", headers=bearer("token-of-jane"))).status == 200
        assert (await client.post("/api/v1/other", headers=bearer("token-of-jane"))).status == 403

    visiting(tmp_path, visit)


def test_answers_of_the_api_server_hold_for_a_short_time(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        for now in (0, 29):
            world.now = now
            assert (await client.get("/api/v1/query", headers=bearer("token-of-jane"))).status == 200
        assert world.api.asked == ["TokenReview", "SubjectAccessReview"]
        world.now = 31
        world.api.down = True
        refused = await client.get("/api/v1/query", headers=bearer("token-of-jane"))
        assert refused.status == 503
        assert "can't reach the API server" in (await refused.json())["error"]

    visiting(tmp_path, visit)


def test_guessing_is_slowed_down_and_good_tokens_are_not(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        await client.get("/api/v1/query", headers=bearer("token-of-jane"))
        for number in range(BURST):
            assert (await client.get("/api/v1/query", headers=bearer(f"guess-{number}"))).status == 401
        asked = len(world.api.asked)
        assert (await client.get("/api/v1/query", headers=bearer("guess"))).status == 429
        assert len(world.api.asked) == asked
        assert (await client.get("/api/v1/query", headers=bearer("token-of-jane"))).status == 200
        world.now = 7
        assert (await client.get("/api/v1/query", headers=bearer("guess"))).status == 401

    visiting(tmp_path, visit)


def test_a_one_time_link_opens_a_session(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        assert world.guard.settings.socket is not None
        door = world.guard.settings.socket
        assert stat.S_IMODE(door.stat().st_mode) == 0o600
        code = await link.ask(door, b'{"user": "jane", "groups": ["dev"]}')
        entered = await client.get("/login", params={"code": code, "next": "/api/v1/query"}, allow_redirects=False)
        assert (entered.status, entered.headers["Location"]) == (303, "/api/v1/query")
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert await (await client.get("/api/v1/query")).json() == {"user": "jane"}
        assert (await client.post("/api/v1/query")).status == 403
        session = next(iter(world.guard.sessions._open._entries.values()))[1]
        assert (await client.post("/api/v1/query", headers={"X-CSRF-Token": session.csrf})).status == 200
        again = await client.get("/login", params={"code": code}, allow_redirects=False)
        assert again.status == 401
        assert "has been used" in await again.text()
        assert (await client.post("/logout", headers={"X-CSRF-Token": session.csrf})).status == 204
        assert (await client.get("/api/v1/query")).status == 401

    visiting(tmp_path, visit)


def test_the_door_is_shut_afterwards_and_takes_only_what_it_knows(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        door = tmp_path / "door" / "link"
        for wrong in (b"{}", b"nonsense", b'{"user": ""}', b'{"user": "a", "uid": 0}', b"[" * 70_000):
            with pytest.raises((ValueError, OSError)):
                await link.ask(door, wrong)

    visiting(tmp_path, visit)
    assert not (tmp_path / "door" / "link").exists()


def test_a_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    with pytest.raises(OSError, match="0700"):
        private_directory(tmp_path / "open")


def test_browsers_are_led_to_the_login_and_back(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        led = await client.get("/api/v1/query?a=1", headers=HTML, allow_redirects=False)
        assert (led.status, led.headers["Location"]) == (303, "/login?next=%2Fapi%2Fv1%2Fquery%3Fa%3D1")
        page = await client.get("/login?next=/x", headers=HTML | {"Accept-Language": "es-MX,en;q=0.5"})
        text = await page.text()
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert '<html lang="es"' in text
        assert 'value="/x"' in text
        wrong = await client.post("/login", data={"token": "guess", "next": "/x"})
        assert wrong.status == 401
        assert "guess" not in await wrong.text()
        forbidden = await client.post("/login", data={"token": "token-of-john"})
        assert forbidden.status == 403
        entered = await client.post(
            "/login", data={"token": " token-of-\njane ", "next": "//evil"}, allow_redirects=False
        )
        assert (entered.status, entered.headers["Location"]) == (303, "/")
        elsewhere = await client.post("/login", data={"token": "x"}, headers={"Origin": "http://evil.example"})
        assert elsewhere.status == 403

    visiting(tmp_path, visit)


def test_rights_that_are_taken_away_end_a_session(tmp_path: Path) -> None:
    async def visit(world: World, client: Client) -> None:
        code = world.guard.codes.mint(Who("john"), 0)
        await client.get("/login", params={"code": code}, allow_redirects=False)
        assert (await client.get("/api/v1/query")).status == 403

    visiting(tmp_path, visit)


def test_secrets_are_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def visit(world: World, client: Client) -> None:
        with caplog.at_level("DEBUG", logger="tejer"):
            await client.get("/api/v1/query", headers=bearer("guessed-token"))
            await client.get("/login", params={"code": "guessed-code"})

    visiting(tmp_path, visit)
    assert "guessed" not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("tejer"))


def test_a_server_for_others_needs_an_api_server() -> None:
    with pytest.raises(ValueError, match="needs an API server"):
        protect(web.Application(), AccessSettings("prometheus"), None)


def test_a_session_ends_with_its_token() -> None:
    def token(claims: dict[str, Any]) -> str:
        return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=") + ".sig"

    assert seconds_left(token({"exp": 1060}), 1000) == 60
    assert seconds_left(token({"exp": 10**9}), 1000) == SESSION_SECONDS
    for opaque in ("opaque", "a.b.c", token({}), token({"exp": "soon"}), "e30.bnVsbA.x"):
        assert seconds_left(opaque, 1000) == SESSION_SECONDS


def test_the_link_command_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                            capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("TEJER_ACCESS_SOCKET", str(tmp_path / "nothing"))
    monkeypatch.setattr("sys.argv", ["link", "prometheus", "{}"])
    assert link.main() == 1
    assert "no link from prometheus" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["link"])
    assert link.main() == 64
