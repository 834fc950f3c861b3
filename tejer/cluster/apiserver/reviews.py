"""The review kinds: questions to the API server that are posted and answered, never stored."""

from __future__ import annotations

from collections.abc import Callable

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.auth.authenticate import Authenticator
from tejer.cluster.apiserver.auth.authorizer import Authorizer
from tejer.cluster.apiserver.auth.rbac import Attributes
from tejer.cluster.apiserver.auth.users import User
from tejer.cluster.apiserver.core import Request
from tejer.kube.resource import Body


class Reviews:
    def __init__(self, authenticator: Authenticator, authorizer: Authorizer) -> None:
        self._authenticator, self._authorizer = authenticator, authorizer
        self._answers: dict[str, Callable[[Request, Body], Body]] = {
            "TokenReview": self._token,
            "SelfSubjectReview": self._self,
            "SubjectAccessReview": self._subject_access,
            "LocalSubjectAccessReview": self._subject_access,
            "SelfSubjectAccessReview": self._self_access,
            "SelfSubjectRulesReview": self._self_rules,
        }

    def handles(self, request: Request) -> bool:
        return request.defn.kind in self._answers and not request.subresource

    def answer(self, request: Request, body: Body) -> Body:
        """The posted review with its status."""
        spec = body.get("spec")
        if spec is not None and not isinstance(spec, dict):
            raise errors.bad_request("spec must be an object")
        status = self._answers[request.defn.kind](request, spec or {})
        meta = {"creationTimestamp": None, **(body.get("metadata") or {})}
        return {
            "kind": request.defn.kind, "apiVersion": request.defn.api_version, "metadata": meta,
            "spec": spec or {}, "status": status,
        }  # fmt: skip

    def _token(self, request: Request, spec: Body) -> Body:
        audiences = [str(audience) for audience in spec.get("audiences") or ()]
        issuer = self._authenticator.core.config.issuer
        known = self._authenticator.identify(str(spec.get("token") or ""), audiences or [issuer])
        if known is None:
            return {"authenticated": False, "error": "invalid bearer token, or not meant for these audiences"}
        return {"authenticated": True, "user": known.user.info, "audiences": known.audiences}

    def _self(self, request: Request, spec: Body) -> Body:
        return {"userInfo": request.user.info}

    def _subject_access(self, request: Request, spec: Body) -> Body:
        if not spec.get("user") and not spec.get("groups"):
            raise errors.invalid(
                request.defn, "", "spec.user", 'Invalid value: "": at least one of user or group must be specified'
            )
        namespace = (spec.get("resourceAttributes") or {}).get("namespace", "")
        if request.defn.kind == "LocalSubjectAccessReview" and namespace != request.namespace:
            raise errors.bad_request("spec.resourceAttributes.namespace must be the namespace of the request")
        user = User(str(spec.get("user") or ""), tuple(spec.get("groups") or ()), str(spec.get("uid") or ""))
        return self._decision(user, spec)

    def _self_access(self, request: Request, spec: Body) -> Body:
        return self._decision(request.user, spec)

    def _decision(self, user: User, spec: Body) -> Body:
        reason = self._authorizer.policies.decide(user, _asked(spec))
        return {"allowed": True, "reason": reason} if reason else {"allowed": False}

    def _self_rules(self, request: Request, spec: Body) -> Body:
        rules = self._authorizer.policies.rules_for(request.user, str(spec.get("namespace") or "default"))
        return {
            "resourceRules": [rule for rule in rules if rule.get("resources")],
            "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False,
        }


def _asked(spec: Body) -> Attributes:
    if resource := spec.get("resourceAttributes"):
        return Attributes(
            verb=str(resource.get("verb", "")), group=str(resource.get("group", "")),
            resource=str(resource.get("resource", "")), subresource=str(resource.get("subresource", "")),
            namespace=str(resource.get("namespace", "")), name=str(resource.get("name", "")),
        )  # fmt: skip
    path = spec.get("nonResourceAttributes") or {}
    if not path:
        raise errors.bad_request("exactly one of spec.resourceAttributes and spec.nonResourceAttributes is needed")
    return Attributes(verb=str(path.get("verb", "")), path=str(path.get("path", "")))
