"""Host names: short names, wildcards, which namespace may see what. Sources: `istio.md` V1, V27, V30, X15."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence


def is_ip(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def resolve(host: str, namespace: str, domain: str) -> str:
    """A short name becomes `name.namespace.svc.domain`; anything with a dot, a `*` or a colon is left as it is."""
    if not host or "." in host or "*" in host or ":" in host:
        return host
    return f"{host}.{namespace}.svc.{domain}" if domain else f"{host}.{namespace}"


def matches(pattern: str, host: str) -> bool:
    """Whether the concrete or wildcard `host` is within `pattern` (`*.example.com`, `*`, or an exact name)."""
    if pattern == host or pattern == "*":
        return True
    return pattern.startswith("*") and host.removeprefix("*").endswith(pattern[1:])


def overlap(a: str, b: str) -> bool:
    return matches(a, b) or matches(b, a)


def most_specific(host: str, patterns: Iterable[str]) -> str | None:
    """The pattern that fits `host` best: the exact one, else the longest wildcard, else None."""
    best: str | None = None
    for pattern in patterns:
        if pattern == host:
            return pattern
        if matches(pattern, host) and (best is None or len(pattern) > len(best)):
            best = pattern
    return best


def visible(export_to: Sequence[str], owner: str, client: str) -> bool:
    """Whether an object of namespace `owner` exported to `export_to` can be used from namespace `client`."""
    return any(to in ("*", client) or (to == "." and owner == client) for to in export_to or ("*",))


def split_gateway_host(text: str, namespace: str) -> tuple[str, str]:
    """A Gateway's or Sidecar's `ns/host` as `(namespace, host)`; `.` is the object's own, no slash means any (`*`)."""
    where, slash, host = text.partition("/")
    if not slash:
        return "*", text
    return (namespace if where == "." else where), host
