"""Bytes that claim to be a dashboard → its JSON object, within limits. Pure.

Everything a stranger can make large is bounded here, before anything walks it: bytes, nesting, number of values.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any]

MAX_BYTES = 4 * 1024 * 1024
"""Of one dashboard. The largest that Istio ships has 0.1 MiB, the largest public ones about 1 MiB."""
MAX_DEPTH = 48
MAX_VALUES = 200_000


class DashboardError(ValueError):
    """Text that can't be read as a dashboard: what is wrong and where."""


def parse(data: bytes) -> Json:
    """The dashboard's object, taken out of its envelope where it has one. Raises DashboardError.

    Grafana's API wraps it as `{"dashboard": …, "meta": …}`, its Kubernetes-style resources (12 and later) as
    `{"apiVersion": "dashboard.grafana.app/…", "spec": …}`; files hold it bare.
    """
    if len(data) > MAX_BYTES:
        raise DashboardError(f"{len(data):,} bytes are more than a dashboard may have ({MAX_BYTES:,})")
    try:
        body = msgspec.json.decode(data)
    except RecursionError as error:
        raise DashboardError(f"nested more than {MAX_DEPTH} deep") from error
    except msgspec.DecodeError as error:
        raise DashboardError(f"not JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise DashboardError(f"not UTF-8: byte {error.start}") from error
    if not isinstance(body, dict):
        raise DashboardError("want a JSON object, as Grafana's Share → Export writes it")
    _measure(body)
    return _unwrapped(body)


def _measure(body: Json) -> None:
    level: list[Any] = [body]
    values = 0
    for _ in range(MAX_DEPTH):
        values += len(level)
        if values > MAX_VALUES:
            raise DashboardError(f"more than {MAX_VALUES:,} values")
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return
    raise DashboardError(f"nested more than {MAX_DEPTH} deep")


def _unwrapped(body: Json) -> Json:
    if str(body.get("apiVersion", "")).startswith("dashboard.grafana.app/") and isinstance(body.get("spec"), dict):
        spec: Json = body["spec"]
        if "elements" in spec:
            raise DashboardError(
                "written in Grafana's schema v2, which isn't read: export it with 'Classic' as the model"
            )
        name = (body.get("metadata") or {}).get("name") if isinstance(body.get("metadata"), dict) else None
        return {"uid": name, **spec} if isinstance(name, str) else spec
    inner = body.get("dashboard")
    if isinstance(inner, dict) and "panels" not in body and "rows" not in body:
        return inner
    return body
