"""Request bodies: JSON, YAML or Kubernetes protobuf, decoded to JSON values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.machinery.protobuf import PROTOBUF, decode_protobuf

_ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
MAX_YAML = 256 * 1024
"""Bytes. Reading YAML takes a hundred times as long as JSON, and everybody else waits meanwhile."""
_MAX_YAML_DEPTH = 100
_DECODE = msgspec.json.Decoder().decode


def media_type(content_type: str) -> str:
    """The media type alone, lower case; JSON where the client said nothing."""
    return content_type.split(";")[0].strip().lower() or "application/json"


def decode_body(data: bytes, content_type: str) -> Any:
    """Raises ApiError 400 for what can't be read (non-UTF-8 included), 415 for another media type."""
    media = media_type(content_type)
    if media == PROTOBUF:
        return decode_protobuf(data)
    if not data.strip():
        return {}
    if media.endswith(("+yaml", "/yaml", "/x-yaml")) and data.lstrip()[:1] not in (b"{", b"["):
        return _yaml(data)
    if not media.endswith(("json", "yaml")):
        raise errors.unsupported_media_type(_ACCEPTED)
    try:
        return _DECODE(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise errors.bad_request(f"the body of the request cannot be read as JSON: {error}") from error


def _yaml(data: bytes) -> Any:
    from ruamel.yaml import YAML  # rarely needed, and slow to import
    from ruamel.yaml.error import YAMLError

    if len(data) > MAX_YAML:
        raise errors.too_large(MAX_YAML, "send JSON instead of YAML")
    try:
        text = data.decode()
        _check_events(YAML(typ="safe", pure=True).parse(text))
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise errors.bad_request(f"the body of the request cannot be read as YAML: {error}") from error


def _check_events(events: Iterable[Any]) -> None:
    """Refuse what costs far more than its size. Raises ApiError 400.

    Aliases of aliases of aliases: a few lines that are gigabytes once they are written out as JSON. Brackets within
    brackets: the parser's time grows with the square of their depth.
    """
    from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent

    depth = 0
    for event in events:
        if isinstance(event, AliasEvent):
            raise errors.bad_request("the body of the request uses YAML aliases (*name): write the values out")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_YAML_DEPTH:
            raise errors.bad_request(f"the body of the request nests YAML deeper than {_MAX_YAML_DEPTH} levels")


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its names came twice."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = [name for name, _ in pairs if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
        made.twice = tuple(dict.fromkeys(twice))
    return made


def duplicate_fields(data: bytes, content_type: str) -> tuple[str, ...]:
    """Paths of fields that a JSON body names twice, such as `spec.replicas`. `data` is known to be readable."""
    if media_type(content_type) == PROTOBUF or data.lstrip()[:1] != b"{":
        return ()
    found: list[str] = []
    _walk(json.loads(data, object_pairs_hook=_object), "", found)
    return tuple(found)


def _walk(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Object):
        found.extend(f"{path}{name}" for name in value.twice)
        for name, inner in value.items():
            _walk(inner, f"{path}{name}.", found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _walk(inner, f"{path.removesuffix('.')}[{index}].", found)
