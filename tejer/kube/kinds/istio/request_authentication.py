"""RequestAuthentication: the JSON Web Tokens a workload accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import DURATION, enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class JWTHeader(Kind, frozen=True, kw_only=True):
    """A header that carries the token."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("name",))

    name: Annotated[str, schema(min_length=1)] = ""
    prefix: str = ""


class ClaimToHeader(Kind, frozen=True, kw_only=True):
    """A claim passed on as a header."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        required=(
            "header",
            "claim",
        )
    )

    claim: Annotated[str, schema(min_length=1)] = ""
    header: Annotated[str, schema(min_length=1, pattern="^[-_A-Za-z0-9]+$")] = ""


class JWTRule(Kind, frozen=True, kw_only=True):
    """An issuer and how its tokens are found and checked."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.jwksUri) ? 1 : 0) + (has(self.jwks_uri) ? 1 : 0) + (has(self.jwks) ? 1 : 0) <= 1",
                "only one of jwks or jwksUri can be set",
            ),
        )
    )

    audiences: tuple[Annotated[str, schema(min_length=1)], ...] = ()
    forward_original_token: bool | None = None
    from_cookies: tuple[Annotated[str, schema(min_length=1)], ...] = ()
    from_headers: tuple[JWTHeader, ...] = ()
    from_params: tuple[Annotated[str, schema(min_length=1)], ...] = ()
    issuer: Annotated[str, schema(min_length=1)] = ""
    jwks: str = ""
    jwks_uri_alias: Annotated[
        str,
        schema(
            max_length=2048,
            min_length=1,
            rules=(rule('url(self).getScheme() in ["http", "https"]', "url must have scheme http:// or https://"),),
        ),
    ] = msgspec.field(default="", name="jwks_uri")
    jwks_uri: Annotated[
        str,
        schema(
            max_length=2048,
            min_length=1,
            rules=(rule('url(self).getScheme() in ["http", "https"]', "url must have scheme http:// or https://"),),
        ),
    ] = ""
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    output_payload_to_header: str = ""
    presence: Annotated[str, enum("OPTIONAL", "REQUIRED")] = ""
    space_delimited_claims: Annotated[tuple[Annotated[str, schema(min_length=1)], ...], schema(max_items=64)] = ()
    timeout: Annotated[str, DURATION] = ""


class RequestAuthenticationSpec(Kind, frozen=True, kw_only=True):
    """The rules; a request without a token passes, one with an invalid token is refused."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or selector can be set",
            ),
        )
    )

    jwt_rules: Annotated[tuple[JWTRule, ...], schema(max_items=4096)] = ()
    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()


class RequestAuthentication(Kind, frozen=True, kw_only=True):
    """The JSON Web Tokens a workload accepts."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: RequestAuthenticationSpec = RequestAuthenticationSpec()
    status: IstioStatus = IstioStatus()
