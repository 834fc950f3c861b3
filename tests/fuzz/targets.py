"""What is fuzzed: the doors through which strangers' bytes come. Each target takes bytes and answers them.

Whatever a target raises is a bug, and so are a hang and memory without bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tejer.cli.offline import check_object
from tejer.cluster.apiserver.machinery.protobuf import decode_protobuf
from tejer.istiod.checks.admission import admit
from tejer.istiod.checks.objects import Item
from tejer.istiod.metrics import Metrics
from tejer.istiod.webhooks import review_validate
from tejer.kube.api import ApiError
from tejer.kube.manifest import ManifestError, load_bytes
from tejer.kube.resource import Body


def yaml(data: bytes) -> None:
    """The loader of files."""
    try:
        load_bytes(data, "fuzz.yaml", strict=False)
    except ManifestError:
        return


def protobuf(data: bytes) -> None:
    """The decoder of Kubernetes' protobuf bodies."""
    try:
        decode_protobuf(data)
    except ApiError:
        return


def admission(data: bytes) -> None:
    """The validating webhook on an object, and what `validate` says of it."""
    body = _object(data)
    if body is None:
        return
    review = {"request": {"uid": "1", "object": body}}
    answer = review_validate(review, admit, Metrics())["response"]
    refused = (answer.get("status") or {}).get("message", "")
    assert "a fault of istiod's" not in refused, refused
    Item(body)
    check_object(body)


def _object(data: bytes) -> Body | None:
    try:
        decoded = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            documents = load_bytes(data, strict=False)
        except ManifestError:
            return None
        decoded = documents[0].body if documents else None
    return decoded if isinstance(decoded, dict) else None


TARGETS: Mapping[str, Callable[[bytes], None]] = {"yaml": yaml, "protobuf": protobuf, "admission": admission}
