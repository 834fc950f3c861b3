"""`proxy-config bootstrap`: what a proxy was started with."""

from __future__ import annotations

from tejer.cli.envoydump.dump import Dump, Json


def summary(dump: Dump) -> list[str]:
    """istioctl's three lines: the mesh's version, the proxy's and Envoy's."""
    node: Json = (dump.bootstrap().get("bootstrap") or {}).get("node") or {}
    metadata = node.get("metadata") or {}
    build = node.get("user_agent_build_version") or {}
    version = build.get("version") or {}
    envoy = ".".join(str(version.get(part, 0)) for part in ("major_number", "minor_number", "patch"))
    label = (build.get("metadata") or {}).get("build.type", "")
    return [
        f"Istio Version:          {metadata.get('ISTIO_VERSION', '')}",
        f"Istio Proxy Version:    {metadata.get('ISTIO_PROXY_SHA', '') or metadata.get('ISTIO_VERSION', '')}",
        f"Envoy Version:          {envoy}{f'/{label}' if label else ''}",
    ]
