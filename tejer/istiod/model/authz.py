"""AuthorizationPolicies of a workload, by action. Sources: `istio.md` A12-A20, X19."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tejer.istiod.model.config import Config, selects
from tejer.kube.kinds.istio_security import AuthorizationPolicySpec

Policy = Config[AuthorizationPolicySpec]


class PolicySet(msgspec.Struct, frozen=True, kw_only=True):
    """Policies that hold for a workload, the root namespace's first, then by name."""

    custom: tuple[Policy, ...] = ()
    audit: tuple[Policy, ...] = ()
    deny: tuple[Policy, ...] = ()
    allow: tuple[Policy, ...] = ()

    @property
    def all(self) -> tuple[Policy, ...]:
        return self.custom + self.audit + self.deny + self.allow


def policy_set(policies: Iterable[Policy], labels: Mapping[str, str]) -> PolicySet:
    """Those of `policies` (of the root and the workload's namespace) that select the workload."""
    fitting = [policy for policy in policies if _applies(policy, labels)]

    def of(*actions: str) -> tuple[Policy, ...]:
        return tuple(policy for policy in fitting if policy.spec.action in actions)

    return PolicySet(custom=of("CUSTOM"), audit=of("AUDIT"), deny=of("DENY"), allow=of("", "ALLOW"))


def _applies(policy: Policy, labels: Mapping[str, str]) -> bool:
    spec = policy.spec
    if spec.target_refs or getattr(spec, "target_ref", None):
        return False  # targetRefs bind to Gateway API objects only
    return spec.selector is None or selects(spec.selector.match_labels, labels)
