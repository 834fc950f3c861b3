"""Request bodies that are not what they should be."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.bodies import MAX_YAML, decode_body, duplicate_fields
from tejer.kube.api import ApiError

JSON = "application/json"


@pytest.mark.parametrize("data", [b"{", b'{"a": "\xff"}', b"\xff\xfe", b"[1,", b"[" * 100_000])
def test_unreadable_json_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        decode_body(data, JSON)
    assert refused.value.code == 400


def test_yaml_is_read_too() -> None:
    assert decode_body(b"a: [1, two]\n", "application/apply-patch+yaml") == {"a": [1, "two"]}
    assert decode_body(b'{"a": 1}', "application/apply-patch+yaml") == {"a": 1}
    with pytest.raises(ApiError):
        decode_body(b"a: [", "application/yaml")
    with pytest.raises(ApiError):
        decode_body(b"a: \xff", "application/yaml")


@pytest.mark.parametrize("data", [b"a: &a [1]\nb: *a\n", b"a: " + b"[" * 5000])
def test_yaml_that_grows_or_has_no_end_is_a_bad_request(data: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        decode_body(data, "application/yaml")
    assert refused.value.code == 400


def test_yaml_that_would_keep_everybody_waiting_is_too_large() -> None:
    with pytest.raises(ApiError, match="send JSON") as refused:
        decode_body(b"a: 1\n" * MAX_YAML, "application/yaml")
    assert refused.value.code == 413


def test_other_media_types_are_refused() -> None:
    with pytest.raises(ApiError) as refused:
        decode_body(b"<a/>", "text/xml")
    assert refused.value.code == 415


def test_an_empty_body_is_an_empty_object() -> None:
    assert decode_body(b"", "") == {}


def test_duplicate_fields_are_named_by_path() -> None:
    data = b'{"spec": {"a": 1, "a": 2, "list": [{"b": 1, "b": 1}]}, "spec": {"c": 1, "c": 1}}'
    assert duplicate_fields(data, JSON) == ("spec", "spec.c")
    nested = b'{"spec": {"a": 1, "a": 2, "list": [{"b": 1, "b": 1}]}}'
    assert duplicate_fields(nested, JSON) == ("spec.a", "spec.list[0].b")
    assert duplicate_fields(b"{}", JSON) == ()
