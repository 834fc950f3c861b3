"""ServiceAccount tokens."""

from __future__ import annotations

import base64

import msgspec
import pytest

from tejer.cluster.apiserver.auth.tokens import Signer, claims, new_key

KEY = new_key()
CLAIMS = claims(
    issuer="https://issuer", audiences=["a"], account={"metadata": {"name": "bot", "namespace": "ns", "uid": "u"}},
    pod={"metadata": {"name": "p", "uid": "pu"}, "spec": {"nodeName": "n"}}, now=100, seconds=60, token_id="id",
)  # fmt: skip


def test_a_token_comes_back_as_its_claims() -> None:
    assert Signer(KEY).verify(Signer(KEY).sign(CLAIMS)) == CLAIMS
    assert CLAIMS["sub"] == "system:serviceaccount:ns:bot" and CLAIMS["exp"] == 160
    assert CLAIMS["kubernetes.io"] == {
        "namespace": "ns", "serviceaccount": {"name": "bot", "uid": "u"}, "pod": {"name": "p", "uid": "pu"},
        "node": {"name": "n"},
    }  # fmt: skip


def test_another_keys_token_is_not_believed() -> None:
    assert Signer(new_key()).verify(Signer(KEY).sign(CLAIMS)) is None


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b", "....", "é.é.é", "e30.e30."])
def test_nonsense_is_not_believed(token: str) -> None:
    assert Signer(KEY).verify(token) is None


def test_changed_claims_and_other_algorithms_are_not_believed() -> None:
    head, body, signature = Signer(KEY).sign(CLAIMS).split(".")
    forged = base64.urlsafe_b64encode(msgspec.json.encode({**CLAIMS, "sub": "root"})).rstrip(b"=").decode()
    assert Signer(KEY).verify(f"{head}.{forged}.{signature}") is None
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert Signer(KEY).verify(f"{none}.{body}.") is None


def test_the_public_key_is_published() -> None:
    (key,) = Signer(KEY).jwks()["keys"]
    assert key["kty"] == "EC" and key["crv"] == "P-256" and key["kid"] == Signer(KEY).key_id
