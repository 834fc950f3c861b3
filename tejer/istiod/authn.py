"""Who is calling istiod: bearer tokens by TokenReview, client certificates by their SPIFFE ID.

istiod never checks a token's signature itself, so a revoked ServiceAccount or a deleted pod is refused at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tejer.kube.api import Api
from tejer.kube.resource import Body
from tejer.kube.types import SUBJECTACCESSREVIEWS, TOKENREVIEWS

AUDIENCE = "istio-ca"
POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
_PREFIX = "system:serviceaccount:"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """An authenticated caller. Of a workload `namespace` and `account` are set; `pod` and `pod_uid` if bound to one."""

    username: str
    groups: tuple[str, ...] = ()
    namespace: str = ""
    account: str = ""
    pod: str = ""
    pod_uid: str = ""


class AuthnError(Exception):
    """The caller could not be authenticated; the message says why and holds no secret."""


def bearer(authorization: str) -> str:
    """The token of an Authorization header, or ""."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def review_token(api: Api, token: str, audiences: Sequence[str] = (AUDIENCE,)) -> Caller:
    """Ask the API server whose token this is. Raises AuthnError when it is nobody's, ApiError when it can't say."""
    if not token:
        raise AuthnError("no bearer token")
    review = await api.create(
        TOKENREVIEWS,
        {
            "apiVersion": TOKENREVIEWS.api_version, "kind": TOKENREVIEWS.kind,
            "spec": {"token": token, "audiences": list(audiences)},
        },
    )  # fmt: skip
    status = review.get("status") or {}
    if not status.get("authenticated"):
        raise AuthnError(f"the token was refused: {status.get('error') or 'not authenticated'}")
    if audiences and not set(audiences) & set(status.get("audiences") or audiences):
        raise AuthnError(f"the token is not meant for {', '.join(audiences)}")
    return caller_of(status.get("user") or {})


def caller_of(user: Body) -> Caller:
    """A TokenReview's user info."""
    username = str(user.get("username", ""))
    namespace, account = "", ""
    if username.startswith(_PREFIX):
        namespace, _, account = username.removeprefix(_PREFIX).partition(":")
    extra = user.get("extra") or {}
    return Caller(
        username=username,
        groups=tuple(user.get("groups") or ()),
        namespace=namespace,
        account=account,
        pod=next(iter(extra.get(POD_NAME) or ()), ""),
        pod_uid=next(iter(extra.get(POD_UID) or ()), ""),
    )


def caller_of_spiffe(uri: str, trust_domains: Sequence[str]) -> Caller:
    """The caller that a verified client certificate's SPIFFE ID names. Raises AuthnError for anything else."""
    domain, found, path = uri.removeprefix("spiffe://").partition("/ns/")
    namespace, separator, account = path.partition("/sa/")
    known = uri.startswith("spiffe://") and domain in trust_domains
    if not (known and found and separator and namespace and account) or "/" in namespace + account:
        raise AuthnError(f"the client certificate's name {uri!r} is no workload of trust domain {trust_domains[0]}")
    return Caller(username=f"{_PREFIX}{namespace}:{account}", namespace=namespace, account=account)


async def may_read(api: Api, caller: Caller, path: str) -> bool:
    """Whether RBAC lets `caller` GET the non-resource `path`."""
    return await _allowed(api, caller, {"nonResourceAttributes": {"path": path, "verb": "get"}})


async def may_list_secrets(api: Api, caller: Caller) -> bool:
    """Whether RBAC lets `caller` list the Secrets of its own namespace (a gateway that is to be given private keys)."""
    attributes = {"namespace": caller.namespace, "resource": "secrets", "verb": "list"}
    return await _allowed(api, caller, {"resourceAttributes": attributes})


async def _allowed(api: Api, caller: Caller, asked: Body) -> bool:
    groups = list(caller.groups)
    if not groups and caller.namespace:  # known by its certificate: the groups that its token would have
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{caller.namespace}", "system:authenticated"]
    review = await api.create(
        SUBJECTACCESSREVIEWS,
        {
            "apiVersion": SUBJECTACCESSREVIEWS.api_version, "kind": SUBJECTACCESSREVIEWS.kind,
            "spec": {"user": caller.username, "groups": groups, **asked},
        },
    )  # fmt: skip
    return bool((review.get("status") or {}).get("allowed"))
