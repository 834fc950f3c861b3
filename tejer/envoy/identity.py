"""What a workload certificate's Subject says about its owner, and how Envoy reads it back.

Istio's metadata exchange needs filters that stock Envoy does not have, so the peer's labels travel in the Subject of
the workload certificate instead: the CA writes it (`tejer.istiod.ca`), the inbound filter chains read it once per
connection (`tejer.istiod.translate`). SPIFFE fixes the URI SAN only; the Subject is free.

Envoy prints a Subject as RFC 2253 (`OU=web-v1,O=shop,...`); values here are DNS labels or label values, so none needs
escaping. The common name is limited to 64 characters by X.520 and is for people only: the full name is in OU.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

COMMON_NAME_LIMIT = 64


class PeerSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A workload as its peers see it. "" means unknown and leaves the attribute out of the Subject."""

    workload: str = ""
    namespace: str = ""
    app: str = ""
    version: str = ""
    canonical_name: str = ""
    canonical_revision: str = ""
    cluster: str = ""


class Attribute(NamedTuple):
    """One Subject attribute: the `PeerSubject` field, its OID, and the short name Envoy prints."""

    field: str
    oid: str
    short_name: str


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("workload", "2.5.4.11", "OU"),
    Attribute("namespace", "2.5.4.10", "O"),
    Attribute("app", "2.5.4.12", "title"),
    Attribute("version", "2.5.4.7", "L"),
    Attribute("canonical_name", "2.5.4.5", "serialNumber"),
    Attribute("canonical_revision", "2.5.4.46", "dnQualifier"),
    Attribute("cluster", "2.5.4.8", "ST"),
)
"""The Subject's attributes in the order in which the CA writes them."""

COMMON_NAME = Attribute("workload", "2.5.4.3", "CN")


def subject_pairs(subject: PeerSubject) -> tuple[tuple[str, str], ...]:
    """The `(oid, value)` pairs of the certificate's Subject, the (shortened) common name first."""
    pairs = [(COMMON_NAME.oid, subject.workload[:COMMON_NAME_LIMIT])]
    pairs += [(attribute.oid, getattr(subject, attribute.field)) for attribute in ATTRIBUTES]
    return tuple((oid, value) for oid, value in pairs if value)


def peer_state_key(field: str) -> str:
    """The filter-state object that holds the peer's `field` (a field of `PeerSubject`) for a connection."""
    return f"tejer.peer.{field}"


def subject_extractor(attribute: Attribute) -> str:
    """The CEL expression (as an Envoy format string) that takes `attribute` out of the peer certificate's Subject."""
    pattern = f"(?:^|,){attribute.short_name}=([^,]*)"
    return f"%CEL(re.extract(connection.subject_peer_certificate,'{pattern}','\\\\1'))%"
