"""PeerAuthentication and RequestAuthentication. Source: Istio's pkg/config/validation/validation.go."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_policy_selector, check_targets
from tejer.kube.kinds.istio.peer_authentication import PeerAuthentication
from tejer.kube.kinds.istio.request_authentication import JWTRule, RequestAuthentication
from tejer.kube.resource import Body


def check_peer_authentication(value: PeerAuthentication, raw: Body, report: Report) -> None:
    spec = value.spec
    check_policy_selector(spec.selector, report.at("selector"))
    if raw.get("portLevelMtls") is not None:
        if spec.selector is None or not spec.selector.match_labels:
            report.error("needs a selector: ports belong to workloads", "portLevelMtls")
        if not spec.port_level_mtls:
            report.error("must have at least one port", "portLevelMtls")
    for port in spec.port_level_mtls:
        add(report, texts.port_problem(int(port)) if port.isdigit() else f"{port!r} is not a port",
            "portLevelMtls", port)  # fmt: skip


def check_request_authentication(value: RequestAuthentication, _: Body, report: Report) -> None:
    spec = value.spec
    check_targets(spec.selector, spec.target_ref, spec.target_refs, report)
    for index, rule in enumerate(spec.jwt_rules):
        _check_jwt_rule(rule, report.at("jwtRules", index))


def _check_jwt_rule(rule: JWTRule, report: Report) -> None:
    if not rule.issuer:
        report.error("issuer must be set", "issuer")
    uri = rule.jwks_uri or rule.jwks_uri_alias
    if uri:
        if rule.jwks:
            report.error("only one of jwks and jwksUri can be set", "jwks")
        add(report, _url_problem(uri), "jwksUri")
    if rule.jwks:
        add(report, _jwks_problem(rule.jwks), "jwks")
    for name, values in (("audiences", rule.audiences), ("fromParams", rule.from_params),
                         ("fromCookies", rule.from_cookies),
                         ("spaceDelimitedClaims", rule.space_delimited_claims)):  # fmt: skip
        for index, text in enumerate(values):
            if not text:
                report.error("must not be empty", name, index)
    for index, header in enumerate(rule.from_headers):
        add(report, texts.header_name_problem(header.name), "fromHeaders", index, "name")
    for index, claim in enumerate(rule.output_claim_to_headers):
        inner = report.at("outputClaimToHeaders", index)
        add(inner, texts.header_name_problem(claim.header), "header")
        if not claim.claim:
            inner.error("must not be empty", "claim")
    if rule.output_payload_to_header:
        add(report, texts.header_name_problem(rule.output_payload_to_header), "outputPayloadToHeader")
    if rule.timeout:
        add(report, texts.duration_problem(rule.timeout), "timeout")


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"{url!r} is not a URL: {error}"
    if parts.scheme not in ("http", "https"):
        return f"{url!r} must begin with http:// or https://"
    return "" if parts.hostname and port != 0 else f"{url!r} has no host"


def _jwks_problem(text: str) -> str:
    try:
        keys = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError):
        return "is not a JSON Web Key Set: an object with a list `keys`"
    if not isinstance(keys, list) or not keys:
        return "has no keys"
    return "" if all(isinstance(key, dict) and key.get("kty") for key in keys) else "has a key without `kty`"
