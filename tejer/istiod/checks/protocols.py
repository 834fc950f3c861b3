"""Protocol names as ports declare them. Source: Istio's pkg/config/protocol/instance.go."""

from __future__ import annotations

HTTP = frozenset(("HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB"))
TLS = frozenset(("HTTPS", "TLS"))
TCP = frozenset(("TCP", "TLS", "HTTPS", "MONGO", "REDIS", "MYSQL"))
KNOWN = HTTP | TLS | TCP | {"UDP", "HBONE", "DOUBLE-HBONE"}


def parse(text: str) -> str:
    """The canonical name, "" where it is none."""
    name = text.upper().replace("_", "-") if text.upper() != "HTTP_PROXY" else "HTTP_PROXY"
    return name if name in KNOWN else ""


def is_http(text: str) -> bool:
    return parse(text) in HTTP


def is_tls(text: str) -> bool:
    return parse(text) in TLS
