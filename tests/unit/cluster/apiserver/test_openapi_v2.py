"""OpenAPI v2 as protobuf: a schema's way from a v3 document to gnostic's wire format."""

from __future__ import annotations

import msgspec
import pytest

from tejer.cluster.apiserver.openapi_v2 import openapi_v2, wants_v2
from tejer.kube.resource import Body


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("kubectl/v1.20.2 (linux/amd64) kubernetes/faecb19", True),
        ("kubectl1.26/v1.26.0 (linux/amd64)", True),
        ("kubectl/v1.27.0 (linux/amd64)", False),
        ("kubectl/v1.33.1 (linux/amd64)", False),
        ("helm/3.0", False),
        ("", False),
    ],
)
def test_only_old_kubectls_need_it(agent: str, expected: bool) -> None:
    assert wants_v2(agent) is expected


def fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message."""
    found, at = [], 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        assert tag & 7 == 2
        length = varint()
        found.append((tag >> 3, data[at : at + length]))
        at += length
    return found


def definition(schema: Body) -> list[tuple[int, bytes]]:
    """The fields of a schema as the document carries it."""
    document = {"components": {"schemas": {"it": schema}}, "paths": {}}
    whole = dict(fields(openapi_v2([msgspec.json.encode(document)])))
    ((_, named),) = fields(whole[9])
    return fields(dict(fields(named))[2])


def test_a_schema_keeps_type_description_required_and_properties() -> None:
    child = {"type": "integer", "description": "how many"}
    made = definition({"type": "object", "required": ["n"], "properties": {"n": child}})
    assert (19, b"n") in made and (22, b"\x0a\x06object") in made
    (properties,) = (value for number, value in made if number == 25)
    ((_, named),) = fields(properties)
    assert dict(fields(named))[1] == b"n"
    assert fields(dict(fields(named))[2]) == [(4, b"how many"), (22, b"\x0a\x07integer")]


def test_a_reference_with_a_description_is_a_plain_reference() -> None:
    made = definition({"allOf": [{"$ref": "#/components/schemas/x.Y"}], "description": "text"})
    assert made == [(1, b"#/definitions/x.Y"), (4, b"text")]


def test_what_version_2_can_not_say_is_anything() -> None:
    assert definition({"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": {}}}) == []
    assert definition({"type": "string", "nullable": True}) == []


def test_one_of_says_the_type_only_where_nothing_else_does() -> None:
    choice = [{"not": {"required": ["provider"]}}, {"required": ["provider"]}]
    assert definition({"type": "object", "oneOf": choice}) == [(22, b"\x0a\x06object")]
    assert definition({"oneOf": [{"type": "string"}, {"type": "number"}]}) == [(22, b"\x0a\x06string")]


def test_paths_say_that_a_patch_can_be_dry_run() -> None:
    patch = {"x-kubernetes-group-version-kind": {"kind": "Pod"}, "parameters": [{"name": "dryRun", "in": "query"}]}
    document = {"components": {"schemas": {}}, "paths": {"/api/v1/pods/{name}": {"patch": patch}}}
    whole = openapi_v2([msgspec.json.encode(document)])
    assert b"dryRun" in whole and b'{"kind":"Pod"}' in whole
