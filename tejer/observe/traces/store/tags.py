"""What a tag search compares: each tag's value as text, for the spans of one block and for one span. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from tejer.observe.traces.spans import KINDS, Attributes, Span, Value

_encode = msgspec.json.encode
LONGEST_VALUE = 256
"""Characters of a value that are compared; longer ones are found by their beginning."""


def text_of(value: Value) -> str:
    """How a search writes this value: `true`, `200`, `1.5`; lists and maps as JSON."""
    if isinstance(value, str):
        return value[:LONGEST_VALUE]
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return _encode(value).decode()[:LONGEST_VALUE]


def pairs_of(spans: Iterable[Span]) -> set[str]:
    """Every pair by which one of `spans` can be found."""
    found: set[str] = set()
    seen: set[int] = set()
    for span in spans:
        if id(span.resource) not in seen:
            seen.add(id(span.resource))
            found.update(_pairs(span.resource.attributes))
        found.update(_pairs(span.detail.attributes))
        for event in span.detail.events:
            found.update(_pairs(event.attributes))
    return found


def _pairs(attributes: Attributes) -> list[str]:
    return [
        f"{key}={value}" if type(value) is str and len(value) <= LONGEST_VALUE else f"{key}={text_of(value)}"
        for key, value in attributes.items()
    ]


def matches(span: Span, tags: Mapping[str, str]) -> bool:
    """Each tag is in the span, its resource or one of its events. `span.kind` is the kind."""
    detail = span.detail
    places: Collection[Attributes] = (
        detail.attributes, span.resource.attributes, *(event.attributes for event in detail.events)
    )  # fmt: skip
    return all(
        any(key in place and text_of(place[key]) == wanted[:LONGEST_VALUE] for place in places)
        or (key == "span.kind" and KINDS[span.kind] == wanted)
        for key, wanted in tags.items()
    )
