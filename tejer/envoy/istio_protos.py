"""Istio's own wire messages, built as descriptors: the CA's service, which Envoy's binary does not carry.

Source: istio/api security/v1alpha1/ca.proto (package istio.v1.auth).
"""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

CREATE_CERTIFICATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
"""Unary gRPC method: IstioCertificateRequest -> IstioCertificateResponse."""

_F = FieldDescriptorProto
_STRUCT_FILE = "google/protobuf/struct.proto"


def _field(name: str, number: int, kind: _F.Type.ValueType, *, repeated: bool = False, message: str = "") -> _F:
    label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
    return _F(name=name, json_name=name, number=number, type=kind, label=label, type_name=message or None)


CA_FILE = FileDescriptorProto(
    name="security/v1alpha1/ca.proto",
    package="istio.v1.auth",
    syntax="proto3",
    dependency=[_STRUCT_FILE],
    message_type=[
        DescriptorProto(
            name="IstioCertificateRequest",
            field=[
                _field("csr", 1, _F.TYPE_STRING),
                _field("validity_duration", 3, _F.TYPE_INT64),
                _field("metadata", 4, _F.TYPE_MESSAGE, message=".google.protobuf.Struct"),
            ],
        ),
        DescriptorProto(
            name="IstioCertificateResponse",
            field=[_field("cert_chain", 1, _F.TYPE_STRING, repeated=True)],
        ),
    ],
)

ISTIO_FILES = (CA_FILE,)
