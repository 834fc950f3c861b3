"""Who is calling: client certificates, the admin token, ServiceAccount tokens, impersonation."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.tokens import Signer, claims
from tejer.cluster.apiserver.auth.users import (
    ANONYMOUS_USER,
    MASTERS,
    User,
    authenticated,
    service_account,
)
from tejer.cluster.apiserver.core import Core
from tejer.kube.resource import Body, Key
from tejer.kube.types import PODS, SERVICEACCOUNTS

_WEBSOCKET_TOKEN = "base64url.bearer.authorization.k8s.io."  # noqa: S105
MIN_SECONDS, DEFAULT_SECONDS, MAX_SECONDS = 600, 3600, 365 * 86400


class TokenIdentity(NamedTuple):
    """A believed token: its user and those of the accepted audiences that it names."""

    user: User
    audiences: list[str]


class Authenticator:
    """Verifies credentials against the store: a token dies with its account or its pod."""

    def __init__(self, core: Core, signer: Signer) -> None:
        self.core, self.signer = core, signer

    def authenticate(self, headers: Mapping[str, str], peer_certificate: Mapping[str, Any] | None) -> User:
        """Raises ApiError 401 for a token that is not valid; without any credentials the user is anonymous."""
        token = bearer_token(headers)
        if token:
            known = self.identify(token, [self.core.config.issuer])
            if known is None:
                raise errors.unauthorized()
            return known.user
        if peer_certificate:
            return certificate_user(peer_certificate)
        return ANONYMOUS_USER

    def identify(self, token: str, audiences: Sequence[str]) -> TokenIdentity | None:
        """The user of a bearer token that is meant for one of `audiences`, else None."""
        admin = self.core.config.admin_token
        if admin and hmac.compare_digest(token.encode(), admin.encode()):
            return TokenIdentity(authenticated("admin", (MASTERS,)), list(audiences))
        said = self.signer.verify(token)
        now = time.time()
        if said is None or not said.get("nbf", 0) <= now + 5 or not said.get("exp", 0) > now:
            return None
        meant = [audience for audience in audiences if audience in said.get("aud", ())]
        user = self._bound_user(said.get("kubernetes.io") or {}) if meant else None
        return TokenIdentity(user, meant) if user else None

    def _bound_user(self, bound: Body) -> User | None:
        """The account the token is bound to, if it (and its pod) still exists with the same uid."""
        namespace, account, pod = bound.get("namespace", ""), bound.get("serviceaccount") or {}, bound.get("pod")
        if not self._alive(SERVICEACCOUNTS.key(namespace, account.get("name", "")), account.get("uid")):
            return None
        extra: dict[str, tuple[str, ...]] = {}
        if pod:
            if not self._alive(PODS.key(namespace, pod.get("name", "")), pod.get("uid")):
                return None
            extra["authentication.kubernetes.io/pod-name"] = (pod["name"],)
            extra["authentication.kubernetes.io/pod-uid"] = (pod["uid"],)
        if node := bound.get("node"):
            extra["authentication.kubernetes.io/node-name"] = (node["name"],)
        return service_account(namespace, account["name"], account["uid"], extra)

    def _alive(self, key: Key, uid: Any) -> bool:
        item = self.core.store.get(key)
        return item is not None and bool(uid) and item.body["metadata"].get("uid") == uid

    def issue(self, account: Body, pod: Body | None, audiences: list[str], seconds: int) -> tuple[str, int]:
        """A token and the second at which it expires."""
        now = int(time.time())
        said = claims(
            issuer=self.core.config.issuer, audiences=audiences or [self.core.config.issuer], account=account, pod=pod,
            now=now, seconds=seconds, token_id=str(uuid.uuid4()),
        )  # fmt: skip
        return self.signer.sign(said), now + seconds


def bearer_token(headers: Mapping[str, str]) -> str:
    """The token of the Authorization header, or of the WebSocket sub-protocol that browsers use."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for protocol in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if protocol.strip().startswith(_WEBSOCKET_TOKEN):
            encoded = protocol.strip()[len(_WEBSOCKET_TOKEN) :]
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, ValueError):
                raise errors.unauthorized() from None
    return ""


def certificate_user(certificate: Mapping[str, Any]) -> User:
    """CN is the user, each O a group. `certificate` is `ssl.SSLObject.getpeercert()` of a verified connection."""
    names = [pair for rdn in certificate.get("subject", ()) for pair in rdn]
    user = next((value for key, value in names if key == "commonName"), "")
    if not user:
        raise errors.unauthorized()
    return authenticated(user, tuple(value for key, value in names if key == "organizationName"))


def impersonated(headers: Mapping[str, str], groups: Iterable[str]) -> User | None:
    """The user that `kubectl --as` asks to be; whether the caller may is the authorizer's to say.

    Raises ApiError 400 for groups or a uid of nobody: who asks for less must not act with all that it has.
    """
    name = headers.get("Impersonate-User", "")
    if not name:
        if list(groups) or headers.get("Impersonate-Uid"):
            raise errors.bad_request("requested groups or uid to impersonate without a user: set Impersonate-User")
        return None
    account = account_of(name)
    if account and not list(groups):
        return service_account(*account)
    return authenticated(name, tuple(groups), headers.get("Impersonate-Uid", ""))


def account_of(user: str) -> tuple[str, str] | None:
    """(namespace, name) of the ServiceAccount that a user name means, None for other users."""
    parts = user.split(":")
    return (parts[2], parts[3]) if user.startswith("system:serviceaccount:") and len(parts) == 4 else None
