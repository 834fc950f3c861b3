"""Random objects that are right: a small one, to which random fields are added as long as it stays right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from random import Random
from typing import Any

POOLS: dict[str, tuple[Any, ...]] = {
    "duration": ("1s", "250ms", "0.5s", "1h", "90s", "10s"),
    "host": ("s1.shop.svc.cluster.local", "s2", "s3.shop.svc.cluster.local", "nobody.example.com"),
    "regex": (".*", "^/a[0-9]+$", "v(1|2)", "[a-z]+", "a.b"),
    "name": ("x-user", "v1", "a", "web", "x-b3-traceid"),
    "text": ("a", "/", "/api", "GET", "POST", "x-user", "*", "10.0.0.1", "10.1.0.0/16", "80", "5xx", "503", "web",
             "*.example.com", "cluster.local/ns/shop/sa/web", "https://a.example.com/jwks", "%REQ(X)%", "v1", "a*",
             "*a", "region/zone/sub", "/a/{*}", "@request.auth.claims.sub", "connect-failure,503", "http://x",
             "request.path", "*/s1.shop.svc.cluster.local", "./*", "127.0.0.1:80", "shop", "TLS", "HTTP", "TCP"),
}  # fmt: skip
NUMBERS = (0, 1, 2, 3, 5, 10, 50, 80, 100, 200, 302, 503, 1024, 8080, 65535, 65537, 2**31 - 1)
DURATIONS = ("timeout", "interval", "time", "duration", "ttl", "maxage", "delay", "aggression")


def grow(
    spec: dict[str, Any], schema: dict[str, Any], random: Random, is_right: Callable[[Any], bool], *, steps: int
) -> Any:
    """`spec` with some of `steps` random fields added: those with which it stays right."""
    for _ in range(steps):
        bigger = copy.deepcopy(spec)
        for _ in range(random.choice((1, 1, 2, 3))):
            _add(bigger, schema, random, 7)
        if bigger != spec and is_right(bigger):
            spec = bigger
    return spec


def _add(node: dict[str, Any], schema: dict[str, Any], random: Random, depth: int) -> None:
    properties = schema.get("properties") or {}
    if not properties:
        if "additionalProperties" in schema:
            key = random.choice(POOLS["name"])
            node[key] = _value("value", schema["additionalProperties"], node.get(key), random, depth - 1)
        return
    name = random.choice(sorted(properties))
    node[name] = _value(name, properties[name], node.get(name), random, depth - 1)
    for wanted in schema.get("required") or ():
        if wanted not in node:
            node[wanted] = _value(wanted, properties[wanted], None, random, depth - 1)


def _value(name: str, schema: dict[str, Any], old: Any, random: Random, depth: int) -> Any:
    match schema.get("type", "object"):
        case "string":
            return random.choice(schema["enum"]) if "enum" in schema else _text(name, random)
        case "integer" | "number":
            return random.choice(NUMBERS)
        case "boolean":
            return random.random() < 0.7
        case "array":
            items = list(old or [])
            at = random.randrange(len(items) + 1) if len(items) < 3 else random.randrange(3)
            items[at : at + 1] = [
                _value(name, schema["items"], items[at] if at < len(items) else None, random, depth - 1)
            ]
            return items
    made: dict[str, Any] = dict(old or {})
    if depth > 0:
        _add(made, schema, random, depth)
    return made


def _text(name: str, random: Random) -> str:
    lower = name.lower()
    if lower.endswith(DURATIONS):
        return str(random.choice(POOLS["duration"]))
    pool = next((pool for key, pool in POOLS.items() if lower.endswith(key)), POOLS["text"])
    return str(random.choice(pool))
