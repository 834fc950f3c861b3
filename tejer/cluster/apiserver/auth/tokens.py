"""ServiceAccount tokens: JSON Web Tokens signed with ES256, bound to their account and, where asked, to a pod.

Source: RFC 7515, 7518 and Kubernetes' `pkg/serviceaccount/claims.go`. Pure but for the key's generation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tejer.kube.resource import Body

_HASH = ec.ECDSA(hashes.SHA256())


def new_key() -> bytes:
    """A fresh P-256 private key, PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class Signer:
    """Signs and verifies with one key. Claims are not judged here but in `claims` and `auth.authenticate`."""

    def __init__(self, key_pem: bytes) -> None:
        key = serialization.load_pem_private_key(key_pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the ServiceAccount signing key must be an elliptic curve key (P-256)")
        self._key, self._public = key, key.public_key()
        numbers = self._public.public_numbers()
        self._x, self._y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        self.key_id = _b64(hashlib.sha256(self._x + self._y).digest()[:16])

    def sign(self, claims: Body) -> str:
        header = {"alg": "ES256", "kid": self.key_id}
        signed = f"{_b64(msgspec.json.encode(header))}.{_b64(msgspec.json.encode(claims))}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), _HASH))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def verify(self, token: str) -> Body | None:
        """The claims of a token that this key signed, else None."""
        try:
            head, body, signature = token.split(".")
            header: Any = msgspec.json.decode(_unb64(head))
            raw = _unb64(signature)
            if not isinstance(header, dict) or header.get("alg") != "ES256" or len(raw) != 64:
                return None
            der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            self._public.verify(der, f"{head}.{body}".encode(), _HASH)
            claims: Any = msgspec.json.decode(_unb64(body))
        except (ValueError, binascii.Error, InvalidSignature, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return claims if isinstance(claims, dict) else None

    def jwks(self) -> Body:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        key = {
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.key_id,
            "x": _b64(self._x), "y": _b64(self._y),
        }  # fmt: skip
        return {"keys": [key]}


def claims(*, issuer: str, audiences: list[str], account: Body, pod: Body | None, now: int, seconds: int,
           token_id: str) -> Body:  # fmt: skip
    """What a token of `account` says, valid for `seconds` from `now` (both in seconds since the epoch)."""
    meta = account["metadata"]
    bound: Body = {
        "namespace": meta["namespace"],
        "serviceaccount": {"name": meta["name"], "uid": meta["uid"]},
    }
    if pod is not None:
        bound["pod"] = {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
        if node := (pod.get("spec") or {}).get("nodeName"):
            bound["node"] = {"name": node}
    return {
        "aud": audiences, "exp": now + seconds, "iat": now, "nbf": now, "iss": issuer, "jti": token_id,
        "kubernetes.io": bound, "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }  # fmt: skip


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
