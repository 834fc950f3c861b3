"""Files, shells, words, preferences and events: the server's half of the pages."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from tejer.observe.web.assets import BUNDLE_URL, STATIC, Assets, sources_digest
from tejer.observe.web.events import MAX_WAITING, Events, frame
from tejer.observe.web.messages import messages
from tejer.observe.web.pages import IMMUTABLE, page_routes
from tejer.observe.web.places import PLACES, PROMETHEUS
from tejer.observe.web.preferences import LANGUAGES, Preferences, preferences
from tejer.observe.web.shell import data_block

Client = TestClient[web.Request, web.Application]


def visiting(app: web.Application, visit: Callable[[Client], Awaitable[None]]) -> None:
    async def run() -> None:
        async with TestClient(TestServer(app), auto_decompress=False) as client:
            await visit(client)

    asyncio.run(run())


def site() -> web.Application:
    app = web.Application()
    app.add_routes(page_routes(PROMETHEUS))
    return app


def test_a_page_is_a_shell_without_inline_code() -> None:
    async def visit(client: Client) -> None:
        assert (await client.get("/", allow_redirects=False)).headers["Location"] == "/graph"
        page = await client.get("/graph")
        text = await page.text()
        policy = page.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert page.headers["Cache-Control"] == "no-store"
        scripts = re.findall(r"<script([^>]*)>([^<]*)", text)
        assert [inner for attributes, inner in scripts if "application/json" not in attributes] == [""]
        assert not re.search(r"\sstyle=|\son\w+=", text)
        boot = json.loads(next(inner for attributes, inner in scripts if "application/json" in attributes))
        assert (boot["place"], boot["language"], boot["user"]) == ("prometheus", "en", "")
        for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
            assert (await client.get(address)).status == 200

    visiting(site(), visit)


def test_the_first_byte_has_the_language_and_theme_that_were_chosen() -> None:
    async def visit(client: Client) -> None:
        text = await (await client.get("/graph", headers={"Cookie": "tejer-language=es; tejer-theme=dark"})).text()
        assert '<html lang="es" data-theme="dark"' in text
        assert "Consulta" in text

    visiting(site(), visit)


@pytest.mark.parametrize(
    ("cookies", "accept", "expected"),
    [
        ({}, "", Preferences("en", "system")),
        ({}, "es-MX,es;q=0.9,en;q=0.8", Preferences("es", "system")),
        ({}, "fr,en;q=0.5,es;q=0.7", Preferences("es", "system")),
        ({}, "fr;q=x,,;q=", Preferences("en", "system")),
        ({"tejer-language": "en"}, "es", Preferences("en", "system")),
        ({"tejer-language": "<script>", "tejer-theme": "pink"}, "", Preferences("en", "system")),
        ({"tejer-theme": "light"}, "", Preferences("en", "light")),
    ],
)
def test_preferences(cookies: dict[str, str], accept: str, expected: Preferences) -> None:
    assert preferences(cookies, accept) == expected


async def fetch(client: Client, path: str, **headers: str) -> ClientResponse:
    return await client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_files_are_packed_and_asked_for_again_only_when_they_change() -> None:
    async def visit(client: Client) -> None:
        path = "/static/lib/ui.js"
        packed = await fetch(client, path, Accept_Encoding="gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(await packed.read()) == (STATIC / "lib/ui.js").read_bytes()
        assert packed.headers["Cache-Control"] == "no-cache"
        assert packed.headers["Content-Type"].startswith("text/javascript")
        assert (await fetch(client, path, If_None_Match=packed.headers["ETag"])).status == 304
        assert (await fetch(client, path, If_None_Match='"other"')).status == 200
        digest = packed.headers["ETag"].strip('"')
        assert (await fetch(client, f"{path}?v={digest}")).headers["Cache-Control"] == IMMUTABLE
        assert (await fetch(client, f"{path}?v=old")).headers["Cache-Control"] == "no-cache"

    visiting(site(), visit)


def test_nothing_outside_is_served(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "static/link.js").symlink_to(tmp_path / "secret.js")
    (tmp_path / "static/key.pem").write_text("secret")
    assets = Assets(tmp_path / "static", tmp_path / "bundle")
    for name in ("../secret.js", "link.js", "key.pem", "nothing.js", "", "bundle/../../secret.js", "bundle/x.js"):
        assert assets.find(name) is None


def bundle(folder: Path) -> tuple[Path, Path]:
    static, made = folder / "static", folder / "bundle"
    (static / "places").mkdir(parents=True)
    (static / "places/p.js").write_text("import './lib.js'")
    made.mkdir()
    manifest = {
        "places/p.js": {"file": "p-1.js", "imports": ["_a"], "isEntry": True},
        "_a": {"file": "a-1.js", "imports": ["_b"]},
        "_b": {"file": "b-1.js", "imports": ["_a"]},
    }
    (made / "manifest.json").write_text(json.dumps(manifest))
    (made / "sources").write_text(sources_digest(static) + "\n")
    return static, made


def test_a_bundle_of_these_sources_is_used(tmp_path: Path) -> None:
    entry = Assets(*bundle(tmp_path)).entry("p")
    assert entry.script == f"{BUNDLE_URL}p-1.js"
    assert entry.preloads == (f"{BUNDLE_URL}a-1.js", f"{BUNDLE_URL}b-1.js")


@pytest.mark.parametrize("path", ["static/places/p.js", "static/places/new.js", "bundle/manifest.json"])
def test_a_bundle_of_other_sources_is_not(tmp_path: Path, path: str) -> None:
    static, made = bundle(tmp_path)
    (tmp_path / path).write_text("changed")
    assets = Assets(static, made)
    assert not assets.bundled
    assert assets.entry("p").script == "/static/places/p.js"


def test_a_data_block_ends_nothing() -> None:
    evil = {"a": "</script><script>alert(1)</script><!--\u2028"}
    text = data_block(evil)
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == evil


def areas() -> list[str]:
    return sorted(path.name.removesuffix(".en.json") for path in (STATIC / "locales").glob("*.en.json"))


@pytest.mark.parametrize("area", areas())
def test_every_language_says_the_same(area: str) -> None:
    """The same keys, the same plural forms or more, the same blanks to fill."""
    english = json.loads((STATIC / "locales" / f"{area}.en.json").read_text())
    for language in LANGUAGES[1:]:
        other = json.loads((STATIC / "locales" / f"{area}.{language}.json").read_text())
        assert other.keys() == english.keys()
        for key, message in english.items():
            assert type(other[key]) is type(message), key
            assert blanks(other[key]) >= blanks(message) - {"count"}, key


def blanks(message: Any) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", message["other"] if isinstance(message, dict) else message))


@pytest.mark.parametrize("place", [place.name for place in PLACES])
def test_every_message_that_a_page_asks_for_exists(place: str) -> None:
    words = messages("en", "common", place)
    modules = [*(STATIC / "lib").glob("*.js"), *(STATIC / "pages" / place).rglob("*.js"), STATIC / f"places/{place}.js"]
    asked = {
        key
        for module in modules
        for key in re.findall(r"\bt\(\"([\w.]+)\"|\btitle: \"([\w]+\.[\w.]+)\"", module.read_text())
        for key in key
        if key
    }
    assert len(asked) > 30
    assert asked - words.keys() == set()


def test_events_reach_all_and_slow_readers_lose_the_oldest() -> None:
    events = Events(limit=2, heartbeat=0.05)
    app = web.Application()
    app.router.add_get("/events", events.stream)

    async def visit(client: Client) -> None:
        first, second = await client.get("/events"), await client.get("/events")
        assert first.headers["Content-Type"] == "text/event-stream"
        assert (await client.get("/events")).status == 503
        assert events.clients == 2
        for number in range(MAX_WAITING + 2):
            events.publish("tick", {"number": number})
        events.close()
        received = (await first.read()).decode()
        assert received.startswith("retry: 3000\n\n")
        numbers = [json.loads(line[6:])["number"] for line in received.split("\n") if line.startswith("data: ")]
        assert numbers[-1] == MAX_WAITING + 1
        assert len(numbers) <= MAX_WAITING
        await second.read()

    visiting(app, visit)
    assert events.clients == 0


def test_a_quiet_stream_shows_that_it_lives() -> None:
    events = Events(heartbeat=0.01)
    app = web.Application()
    app.router.add_get("/events", events.stream)

    async def visit(client: Client) -> None:
        response = await client.get("/events")
        async with asyncio.timeout(20):
            assert await response.content.readuntil(b"still here\n") is not None
        events.close()

    visiting(app, visit)


def test_an_event_is_one_line() -> None:
    assert frame("a", {"b": "c\nd"}) == b'event: a\ndata: {"b":"c\\nd"}\n\n'
    with pytest.raises(ValueError, match="one line"):
        frame("a\ndata: x", {})
