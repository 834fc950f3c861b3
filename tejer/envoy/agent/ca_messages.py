"""The CA's two messages by hand: they are so small that importing protobuf for them would cost more than all the rest.

`tejer.envoy.istio_protos` has their descriptors; a test holds the two together. Source: security/v1alpha1/ca.proto.
"""

from __future__ import annotations

_CSR, _VALIDITY = 0x0A, 0x18  # field 1, length-delimited; field 3, varint
_CHAIN = 0x0A  # field 1, length-delimited


def certificate_request(csr: str, validity_seconds: int) -> bytes:
    """IstioCertificateRequest{csr, validity_duration}."""
    text = csr.encode()
    return bytes([_CSR]) + _varint(len(text)) + text + bytes([_VALIDITY]) + _varint(validity_seconds)


def certificate_chain(message: bytes) -> list[str]:
    """IstioCertificateResponse.cert_chain. Raises ValueError for what is no such message; other fields are skipped."""
    chain: list[str] = []
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        if tag & 7 == 0:
            _, at = _read_varint(message, at)
            continue
        if tag & 7 != 2:
            raise ValueError("the CA's answer is not an IstioCertificateResponse")
        length, at = _read_varint(message, at)
        value, at = message[at : at + length], at + length
        if at > len(message):
            raise ValueError("the CA's answer is cut short")
        if tag == _CHAIN:
            chain.append(value.decode())
    return chain


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7
    raise ValueError("the CA's answer is cut short")
