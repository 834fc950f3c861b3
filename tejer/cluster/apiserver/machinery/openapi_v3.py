"""OpenAPI v3 documents per group-version: what `kubectl explain` and client-side apply read."""

from __future__ import annotations

from collections.abc import Iterable

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body


def openapi_index(definitions: Iterable[Definition]) -> Body:
    """The answer of `/openapi/v3`: `{"paths": {"apis/apps/v1": {"serverRelativeURL": "...?hash=..."}}}`."""
    raise NotImplementedError


def openapi_document(group: str, version: str, definitions: Iterable[Definition]) -> bytes:
    """The JSON document of one group-version: schemas and the paths of its resources. Not cached: it is large."""
    raise NotImplementedError


def openapi_v2_protobuf() -> bytes:
    """A minimal swagger document, as protobuf: enough for kubectl's error messages."""
    raise NotImplementedError
