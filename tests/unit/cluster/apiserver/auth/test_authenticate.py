"""Reading credentials."""

from __future__ import annotations

import base64

import pytest

from tejer.cluster.apiserver.auth.authenticate import bearer_token, certificate_user, impersonated
from tejer.kube.api import ApiError


def test_a_bearer_token_of_a_header_or_a_websocket_protocol() -> None:
    assert bearer_token({"Authorization": "Bearer abc"}) == "abc"
    assert bearer_token({"Authorization": "bearer  abc "}) == "abc"
    assert bearer_token({"Authorization": "Basic abc"}) == ""
    assert bearer_token({}) == ""
    encoded = base64.urlsafe_b64encode(b"abc").rstrip(b"=").decode()
    protocols = f"v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.{encoded}"
    assert bearer_token({"Sec-WebSocket-Protocol": protocols}) == "abc"
    with pytest.raises(ApiError):
        bearer_token({"Sec-WebSocket-Protocol": "base64url.bearer.authorization.k8s.io._w"})


def test_a_certificates_subject_is_user_and_groups() -> None:
    subject = ((("organizationName", "dev"),), (("organizationName", "ops"),), (("commonName", "ann"),))
    user = certificate_user({"subject": subject})
    assert (user.name, user.groups) == ("ann", ("dev", "ops", "system:authenticated"))
    with pytest.raises(ApiError) as refused:
        certificate_user({"subject": ((("organizationName", "dev"),),)})
    assert refused.value.code == 401


def test_impersonation() -> None:
    assert impersonated({}, []) is None
    bot = impersonated({"Impersonate-User": "system:serviceaccount:ns:bot"}, [])
    assert bot is not None and "system:serviceaccounts:ns" in bot.groups
    ann = impersonated({"Impersonate-User": "ann"}, ["dev"])
    assert ann is not None and ann.groups == ("dev", "system:authenticated")


def test_impersonating_groups_of_nobody_is_a_bad_request() -> None:
    for headers, groups in (({}, ["dev"]), ({"Impersonate-Uid": "1"}, [])):
        with pytest.raises(ApiError) as refused:
            impersonated(headers, groups)
        assert refused.value.code == 400
