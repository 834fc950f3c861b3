"""A call to simulate, and the answer: where the generated configuration would take it.

The vocabulary is that of Istio's own simulation tests (pilot/pkg/simulation/traffic.go), so its tables can be run.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

PLAINTEXT, TLS, MTLS = "plaintext", "tls", "mtls"
HTTP, HTTP2, TCP = "http", "http2", "tcp"
OUTBOUND, INBOUND = "", "inbound"

NO_LISTENER = "ErrNoListener"
NO_FILTER_CHAIN = "ErrNoFilterChain"
MULTIPLE_FILTER_CHAINS = "ErrMultipleFilterChain"
NO_VIRTUAL_HOST = "ErrNoVirtualHost"
NO_ROUTE = "ErrNoRoute"
TLS_REDIRECT = "ErrTLSRedirect"
TLS_ERROR = "ErrTLSError"
MTLS_ERROR = "ErrMTLSError"
PROTOCOL_ERROR = "ErrProtocolError"

_PLAIN_ALPN = {HTTP: "http/1.1", HTTP2: "h2c"}
_TLS_ALPN = {HTTP: "http/1.1", HTTP2: "h2"}
_MTLS_ALPN = {HTTP: "istio-http/1.1", HTTP2: "istio-h2"}


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`certificate` is the SDS name of the certificate that an mTLS server is expected to show."""

    address: str = "1.3.3.7"
    port: int
    protocol: str = HTTP
    tls: str = PLAINTEXT
    host: str = ""
    path: str = "/"
    method: str = "GET"
    headers: dict[str, str] = {}
    sni: str = ""
    alpn: str = ""
    mode: str = OUTBOUND
    certificate: str = "default"

    def filled(self) -> Call:
        """With the SNI and ALPN that a client of its kind would send."""
        alpn = self.alpn
        if not alpn and self.tls == MTLS:
            alpn = _MTLS_ALPN.get(self.protocol, "istio")
        elif not alpn and self.tls == TLS:
            alpn = _TLS_ALPN.get(self.protocol, "")
        sni = self.sni or (self.host if self.tls == TLS else "")
        return replace(self, alpn=alpn, sni=sni)

    @property
    def plain_alpn(self) -> str:
        """What the HTTP inspector finds in the first bytes of a plaintext connection."""
        return _PLAIN_ALPN.get(self.protocol, "")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What matched, as far as the call got. `clusters` are the candidates with their weights."""

    error: str = ""
    listener: str = ""
    filter_chain: str = ""
    route_config: str = ""
    virtual_host: str = ""
    route: str = ""
    cluster: str = ""
    clusters: tuple[tuple[str, int], ...] = ()
    status: int = 0
