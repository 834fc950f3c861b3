"""Tracing as mesh config and Telemetry objects ask for it. Sources: `istio.md` T1, T2, T5, section 5.3."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tejer.istiod.model.config import Config
from tejer.istiod.model.settings import MeshSettings, TracingProvider, TracingTag, custom_tag
from tejer.kube.kinds.istio_telemetry import TelemetrySpec, Tracing


class TracingRule(msgspec.Struct, frozen=True, kw_only=True):
    """Spans of one side of a call. `sampling` is in percent of the requests that no caller has decided about."""

    provider: TracingProvider
    sampling: float
    tags: tuple[TracingTag, ...] = ()
    istio_tags: bool = True
    by_request_id: bool = True
    propagate: bool = True
    max_path_tag_length: int = 0


def tracing_rule(levels: Iterable[Config[TelemetrySpec]], mesh: MeshSettings, side: str) -> TracingRule | None:
    """What a proxy reports as `side` (CLIENT or SERVER). Each level says again only what it changes."""
    if not mesh.tracing:
        return None
    found = Tracing()
    for level in levels:
        for entry in level.spec.tracing:
            if entry.match is None or entry.match.mode in ("", "CLIENT_AND_SERVER", side):
                found = _over(found, entry)
    name = found.providers[0].name if found.providers else next(iter(mesh.default_tracing_providers), "")
    provider = next((each for each in mesh.tracing_providers if each.name == name), None)
    if provider is None or found.disable_span_reporting:
        return None
    sampling = found.random_sampling_percentage
    return TracingRule(
        provider=provider,
        sampling=mesh.tracing_sampling if sampling is None else sampling,
        tags=_tags(found) if found.custom_tags else mesh.tracing_tags,
        istio_tags=mesh.tracing_istio_tags if found.enable_istio_tags is None else found.enable_istio_tags,
        by_request_id=found.use_request_id_for_trace_sampling is not False,
        propagate=not found.disable_context_propagation,
        max_path_tag_length=provider.max_tag_length or mesh.max_path_tag_length,
    )


def _over(base: Tracing, given: Tracing) -> Tracing:
    changes = {
        name: value
        for name in Tracing.__struct_fields__
        if name != "match" and (value := getattr(given, name)) not in (None, (), {})
    }
    return msgspec.structs.replace(base, **changes)


def _tags(tracing: Tracing) -> tuple[TracingTag, ...]:
    return tuple(
        tag
        for name, custom in sorted(tracing.custom_tags.items())
        if (tag := custom_tag(name, msgspec.to_builtins(custom)))
    )
