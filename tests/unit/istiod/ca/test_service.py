"""CreateCertificate without its transport: who may ask, and what the certificate says of the pod."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tejer.istiod.authn import AuthnError, Caller
from tejer.istiod.ca.authority import self_signed
from tejer.istiod.ca.service import CertificateService
from tejer.kube.api import Api
from tejer.kube.types import PODS, SERVICEACCOUNTS

WithApi = Callable[[Callable[[Api], Awaitable[None]]], None]
AUTHORITY = self_signed(datetime.now(UTC), "td")


def csr() -> str:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = request.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def service(api: Api) -> CertificateService:
    return CertificateService(api, lambda: AUTHORITY, lambda: "td", "Kubernetes")


def test_the_subject_is_the_pods_and_the_pod_must_be_the_one_of_the_token(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        await api.create(SERVICEACCOUNTS, {"metadata": {"name": "web", "namespace": "istio-system"}})
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-v1-abc12", "uid": "u", "controller": True}
        labels = {"app": "web", "version": "v1", "pod-template-hash": "abc12"}
        name = "web-v1-abc12-x"
        meta = {"name": name, "namespace": "istio-system", "labels": labels, "ownerReferences": [owner]}
        spec = {"serviceAccountName": "web", "containers": [{"name": "a", "image": "b"}]}
        pod = await api.create(PODS, {"metadata": meta, "spec": spec})
        caller = Caller(username="", namespace="istio-system", account="web", pod=name, pod_uid=pod["metadata"]["uid"])
        leaf, root = await service(api).create(caller, csr(), 3600)
        subject = x509.load_pem_x509_certificate(leaf.encode()).subject.rfc4514_string()
        assert "OU=web-v1" in subject and "O=istio-system" in subject and "ST=Kubernetes" in subject
        assert root == AUTHORITY.root.decode()
        other = Caller(username="", namespace="istio-system", account="web", pod=name, pod_uid="another")
        with pytest.raises(AuthnError, match="not the one the token was made for"):
            await service(api).create(other, csr(), 0)
        gone = Caller(username="", namespace="istio-system", account="web", pod="gone", pod_uid="x")
        with pytest.raises(AuthnError, match="is gone"):
            await service(api).create(gone, csr(), 0)

    with_api(scenario)


def test_people_get_none_and_unbound_tokens_a_plain_one(with_api: WithApi) -> None:
    async def scenario(api: Api) -> None:
        with pytest.raises(AuthnError, match="jane is not a ServiceAccount"):
            await service(api).create(Caller(username="jane"), csr(), 0)
        leaf, _ = await service(api).create(Caller(username="", namespace="vm", account="db"), csr(), 0)
        assert "O=vm" in x509.load_pem_x509_certificate(leaf.encode()).subject.rfc4514_string()

    with_api(scenario)
