"""All messages of security.istio.io, one import for their readers."""

from tejer.kube.kinds.istio.authorization_policy import (
    AuthorizationPolicy,
    AuthorizationPolicySpec,
    Condition,
    ExtensionProvider,
    From,
    Operation,
    Rule,
    Source,
    To,
)
from tejer.kube.kinds.istio.peer_authentication import MutualTLS, PeerAuthentication, PeerAuthenticationSpec
from tejer.kube.kinds.istio.request_authentication import (
    ClaimToHeader,
    JWTHeader,
    JWTRule,
    RequestAuthentication,
    RequestAuthenticationSpec,
)
from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector

__all__ = [
    "AuthorizationPolicy",
    "AuthorizationPolicySpec",
    "ClaimToHeader",
    "Condition",
    "ExtensionProvider",
    "From",
    "JWTHeader",
    "JWTRule",
    "MutualTLS",
    "Operation",
    "PeerAuthentication",
    "PeerAuthenticationSpec",
    "PolicyTargetReference",
    "RequestAuthentication",
    "RequestAuthenticationSpec",
    "Rule",
    "Source",
    "To",
    "WorkloadSelector",
]
