"""What an `ApiServer` is told when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request body, as kube-apiserver's `--max-resource-write-bytes` default."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `client_ca` is the authority whose client certificates are believed (CN = user, O = groups)."""

    cert: Path
    key: Path
    client_ca: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """`port` 0 takes a free one. `admin_token`, where set, is a bearer token of a member of system:masters."""

    tls: TlsFiles
    host: str = "127.0.0.1"
    port: int = 6443
    service_cidr: str = "10.96.0.0/16"
    cluster_domain: str = "cluster.local"
    node_name: str = "tejer"
    admin_token: str = field(default="", repr=False)

    @property
    def issuer(self) -> str:
        """The `iss` of ServiceAccount tokens and the API server's own audience."""
        return f"https://kubernetes.default.svc.{self.cluster_domain}"
