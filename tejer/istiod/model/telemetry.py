"""Access logs, and by `tracing` spans, as mesh config and Telemetry objects ask for them.

Sources: `istio.md` T1, T4-T7, section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tejer.istiod.model.config import Config, oldest, selects
from tejer.istiod.model.settings import LogProvider, MeshSettings
from tejer.istiod.model.tracing import TracingRule, tracing_rule
from tejer.kube.kinds.istio_telemetry import AccessLogging, TelemetrySpec

Telemetry = Config[TelemetrySpec]
BUILT_IN_PROVIDER = "envoy"
CLIENT, SERVER = "CLIENT", "SERVER"


class AccessLogRule(msgspec.Struct, frozen=True, kw_only=True):
    """One log to write. `expression` is a CEL filter or ""."""

    path: str = "/dev/stdout"
    text: str = ""
    labels: dict[str, str] = {}
    json: bool = False
    expression: str = ""
    collector: LogProvider | None = None
    """Where it goes by OTLP; then `path` is not used."""


class TelemetryView(msgspec.Struct, frozen=True, kw_only=True):
    """What a proxy writes as the client side (outbound) and as the server side (inbound) of a call."""

    client: tuple[AccessLogRule, ...] = ()
    server: tuple[AccessLogRule, ...] = ()
    client_tracing: TracingRule | None = None
    server_tracing: TracingRule | None = None


def _has_selector(telemetry: Telemetry) -> bool:
    return bool(telemetry.spec.selector and telemetry.spec.selector.match_labels)


def applicable(root: Iterable[Telemetry], namespace: Iterable[Telemetry], labels: Mapping[str, str]) -> list[Telemetry]:
    """Mesh, namespace and workload level: at most one object each, the oldest."""
    namespace = [telemetry for telemetry in namespace if not telemetry.spec.target_refs]
    levels = (
        oldest(t for t in root if not _has_selector(t) and not t.spec.target_refs),
        oldest(t for t in namespace if not _has_selector(t)),
        oldest(
            t
            for t in namespace
            if t.spec.selector and _has_selector(t) and selects(t.spec.selector.match_labels, labels)
        ),
    )
    found: list[Telemetry] = []
    for level in levels:
        if level is not None and level not in found:
            found.append(level)
    return found


def telemetry_view(levels: list[Telemetry], mesh: MeshSettings) -> TelemetryView:
    """A lower level's accessLogging replaces what the levels above it asked for."""
    return TelemetryView(
        client=_logs(levels, mesh, CLIENT),
        server=_logs(levels, mesh, SERVER),
        client_tracing=tracing_rule(levels, mesh, CLIENT),
        server_tracing=tracing_rule(levels, mesh, SERVER),
    )


def _logs(levels: list[Telemetry], mesh: MeshSettings, side: str) -> tuple[AccessLogRule, ...]:
    rules = [rule for level in levels[-1:] for rule in level.spec.access_logging if _matches(rule, side)]
    for level in reversed(levels):
        rules = [rule for rule in level.spec.access_logging if _matches(rule, side)]
        if rules:
            break
    if not rules:
        return _mesh_logs(mesh)
    logs: list[AccessLogRule] = []
    for rule in rules:
        if rule.disabled:
            return ()
        names = [provider.name for provider in rule.providers] or list(mesh.default_log_providers)
        expression = rule.filter.expression if rule.filter else ""
        if not names and mesh.access_log_file:
            names = [BUILT_IN_PROVIDER]
        logs += (log for name in names if (log := _provider_log(name, mesh, expression)))
    return tuple(logs)


def _matches(rule: AccessLogging, side: str) -> bool:
    mode = rule.match.mode if rule.match else ""
    return mode in ("", "CLIENT_AND_SERVER", side)


def _mesh_logs(mesh: MeshSettings) -> tuple[AccessLogRule, ...]:
    if mesh.default_log_providers:
        return tuple(log for name in mesh.default_log_providers if (log := _provider_log(name, mesh, "")))
    if not mesh.access_log_file:
        return ()
    return (AccessLogRule(path=mesh.access_log_file, text=mesh.access_log_format, json=mesh.access_log_json),)


def _provider_log(name: str, mesh: MeshSettings, expression: str) -> AccessLogRule | None:
    provider = next((p for p in mesh.log_providers if p.name == name), None)
    if provider is None and name == BUILT_IN_PROVIDER:
        return AccessLogRule(
            path=mesh.access_log_file or "/dev/stdout",
            text=mesh.access_log_format,
            json=mesh.access_log_json,
            expression=expression,
        )
    return _from_provider(provider, expression) if provider else None


def _from_provider(provider: LogProvider, expression: str) -> AccessLogRule:
    return AccessLogRule(
        path=provider.path,
        text=provider.text,
        labels=provider.labels,
        json=bool(provider.labels),
        collector=provider if provider.service else None,
        expression=expression,
    )
