"""`application/vnd.kubernetes.protobuf` request bodies, decoded to JSON objects. Answers are always JSON."""

from __future__ import annotations

from tejer.kube.resource import Body

PROTOBUF = "application/vnd.kubernetes.protobuf"


def decode_protobuf(data: bytes) -> Body:
    """The object in a `k8s\\0` envelope, with apiVersion and kind. Raises ApiError 400 when it is none we know."""
    raise NotImplementedError
