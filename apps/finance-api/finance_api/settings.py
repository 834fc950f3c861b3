"""Everything the service takes from its environment, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """`version` is "v1" or "v2". The password is never printed: it is left out of the repr."""

    version: str = "v1"
    port: int = 8000
    host: str = "0.0.0.0"  # noqa: S104 - a pod serves on its own address; the mesh decides who may call
    pod: str = "local"
    db_host: str = "postgres"
    db_port: int = 5432
    db_name: str = "finance"
    db_user: str = "finance"
    db_password: str = field(default="", repr=False)
    pool_size: int = 8
    collector: str = ""
    """Where spans of queries go by OTLP over HTTP; "" is nowhere."""
    service: str = "finance-api"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Raises ValueError naming the variable that is wrong and what it may be."""
        env = os.environ if env is None else env
        version = env.get("APP_VERSION", "v1")
        if version not in ("v1", "v2"):
            raise ValueError(f"APP_VERSION is {version!r}; use v1 or v2")
        return cls(
            version=version,
            port=_port(env, "PORT", 8000),
            pod=env.get("POD_NAME", "local"),
            db_host=env.get("PGHOST", "postgres"),
            db_port=_port(env, "PGPORT", 5432),
            db_name=env.get("PGDATABASE", "finance"),
            db_user=env.get("PGUSER", "finance"),
            db_password=env.get("PGPASSWORD", ""),
            collector=env.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
            service=env.get("OTEL_SERVICE_NAME", "finance-api"),
        )


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{name} is {text!r}; use a port number from 1 to 65535")
    return int(text)
