"""Spans of one trace put in order for showing: ids made unique, parents found, clocks compared. Pure.

Nothing that was recorded is changed but ids that two spans share; what looks wrong is said in the span's warnings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tejer.observe.traces.spans import CLIENT, SERVER, SPAN_ID_BYTES, Span
from tejer.observe.traces.store.reading import LARGEST_TRACE


class Placed(NamedTuple):
    """`parent` is None for a root, and for an orphan, whose parent (`span.parent_id`) never came."""

    span: Span
    parent: Span | None
    warnings: tuple[str, ...]

    @property
    def orphan(self) -> bool:
        return self.parent is None and bool(self.span.parent_id)


class Trace(NamedTuple):
    """`placed` is by start. `root` is the first root, or the earliest span where no root came."""

    trace_id: bytes
    placed: tuple[Placed, ...]
    root: Span
    warnings: tuple[str, ...]

    @property
    def start_ns(self) -> int:
        return min(one.span.start_ns for one in self.placed)

    @property
    def end_ns(self) -> int:
        return max(one.span.end_ns for one in self.placed)


class Counts(NamedTuple):
    spans: int
    errors: int


def arrange(spans: Sequence[Span]) -> Trace:
    """`spans` are of one trace, one or more."""
    single = _without_repeats(sorted(spans, key=lambda span: (span.start_ns, -span.duration_ns)))
    unique = _apart(single)
    by_id = {span.span_id: span for span in unique}
    placed = []
    for span in unique:
        parent = by_id.get(span.parent_id) if span.parent_id != span.span_id else None
        placed.append(Placed(span, parent, _warnings(span, parent)))
    roots = [one.span for one in placed if not one.span.parent_id]
    orphans = sum(one.orphan for one in placed)
    warnings = []
    if orphans:
        warnings.append(f"{orphans} spans name a parent that did not come: it was not sampled, not sent, or is lost")
    if len(spans) >= LARGEST_TRACE:
        warnings.append(f"only the first {LARGEST_TRACE} spans are shown")
    return Trace(unique[0].trace_id, tuple(placed), (roots or unique)[0], tuple(warnings))


def services_of(trace: Trace) -> dict[str, Counts]:
    """By name, sorted."""
    spans = Counter(one.span.resource.service for one in trace.placed)
    errors = Counter(one.span.resource.service for one in trace.placed if one.span.error)
    return {name: Counts(spans[name], errors[name]) for name in sorted(spans)}


def _without_repeats(spans: Sequence[Span]) -> list[Span]:
    """A client that retries an export sends the same span twice."""
    seen: set[tuple[bytes, int, int, str]] = set()
    found = []
    for span in spans:
        key = (span.span_id, span.kind, span.start_ns, span.resource.service)
        if key not in seen:
            seen.add(key)
            found.append(span)
    return found


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Zipkin's servers report under their client's span id: they get an id of their own, below the client's.

    What named that id as its parent happened in the server, so it moves below the server too.
    """
    clients = {span.span_id for span in spans if span.kind == CLIENT}
    shared = {
        span.span_id for span in spans if span.kind == SERVER and (span.span_id in clients or span.detail.shared)
    } & clients  # fmt: skip
    if not shared:
        return list(spans)
    return [_moved(span, shared) for span in spans]


def _moved(span: Span, shared: set[bytes]) -> Span:
    if span.kind == SERVER and span.span_id in shared:
        return msgspec.structs.replace(span, span_id=_server_id(span.span_id), parent_id=span.span_id)
    if span.parent_id in shared and span.span_id not in shared:
        return msgspec.structs.replace(span, parent_id=_server_id(span.parent_id))
    if span.kind == CLIENT and span.parent_id in shared:
        return msgspec.structs.replace(span, parent_id=_server_id(span.parent_id))
    return span


def _server_id(client_id: bytes) -> bytes:
    return blake2b(client_id, digest_size=SPAN_ID_BYTES).digest()


def _warnings(span: Span, parent: Span | None) -> tuple[str, ...]:
    if parent is None:
        return ()
    if span.start_ns < parent.start_ns:
        early = (parent.start_ns - span.start_ns) / 1e6
        return (f"clock skew: it starts {early:.3f} ms before its parent; times are shown as they were reported",)
    if span.kind == SERVER and parent.kind == CLIENT and span.end_ns > parent.end_ns and span.start_ns > parent.end_ns:
        late = (span.start_ns - parent.end_ns) / 1e6
        return (f"clock skew: it starts {late:.3f} ms after its client ended; times are shown as they were reported",)
    return ()
