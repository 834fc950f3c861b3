"""Content negotiation and Warning headers."""

from __future__ import annotations

import pytest

from tejer.cluster.apiserver.handler import warning_header
from tejer.cluster.apiserver.render import Form, negotiate
from tejer.kube.api import ApiError

KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Form()),
        ("*/*", Form()),
        ("application/json", Form()),
        (KUBECTL, Form("Table", "v1")),
        ("application/vnd.kubernetes.protobuf, application/json", Form()),
        ("application/vnd.kubernetes.protobuf,application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
         Form("PartialObjectMetadata", "v1")),
        ("application/json;as=Hologram;v=v1, */*", Form()),
        ("application/yaml", Form(media="application/yaml")),
    ],
)  # fmt: skip
def test_the_first_form_we_can_give(accept: str, expected: Form) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf", "application/cbor"])
def test_what_we_can_not_give(accept: str) -> None:
    with pytest.raises(ApiError) as refused:
        negotiate(accept)
    assert refused.value.code == 406


def test_warnings_survive_a_header() -> None:
    assert warning_header('unknown field "a"\nb') == '299 - "unknown field \\"a\\" b"'
