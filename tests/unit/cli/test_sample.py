"""The sample's objects."""

from __future__ import annotations

import base64
import datetime

from cryptography import x509

from tejer.cli import sample
from tejer.kube.resource import name_of, namespace_of


def test_every_manifest_is_applied_and_stays_in_its_namespace() -> None:
    objects = sample.manifests()
    kinds = {body["kind"] for body in objects}
    assert {"Deployment", "Service", "PeerAuthentication", "AuthorizationPolicy", "VirtualService"} <= kinds
    assert {namespace_of(body) or name_of(body) for body in objects} == {"finance-app"}
    identities = {name_of(body) for body in objects if body["kind"] == "ServiceAccount"}
    used = {body["spec"]["template"]["spec"]["serviceAccountName"] for body in objects if body["kind"] == "Deployment"}
    assert used == identities


def test_no_manifest_holds_a_secret() -> None:
    assert not [body for body in sample.manifests() if body["kind"] == "Secret"]


def test_passwords_are_drawn_each_time() -> None:
    first, second = (sample.database_secret()["data"]["password"] for _ in range(2))
    assert first != second
    assert len(base64.b64decode(first)) >= 32


def test_the_certificate_is_for_localhost_and_expires() -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    body = sample.certificate_secret(now)
    assert (body["type"], namespace_of(body)) == ("kubernetes.io/tls", "istio-system")
    certificate = x509.load_pem_x509_certificate(base64.b64decode(body["data"]["tls.crt"]))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert certificate.not_valid_after_utc == now + datetime.timedelta(days=90)
