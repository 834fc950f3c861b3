"""AuthorizationPolicies as Envoy filters, in the order CUSTOM, AUDIT, DENY, ALLOW. `istio.md` A12-A24.

A rule that cannot be expressed makes an ALLOW policy allow less and a DENY policy deny everything it could be about,
never the other way round; either is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tejer.envoy.proto import RBAC, HttpFilter, HttpRbac, NetworkFilter, NetworkRbac, Policy, pack
from tejer.istiod.model.authz import Policy as PolicyConfig
from tejer.istiod.model.authz import PolicySet
from tejer.istiod.model.settings import ExtAuthzProvider, MeshSettings
from tejer.istiod.translate import ext_authz
from tejer.istiod.translate.rbac_rules import HttpOnlyError, never, rule_policy
from tejer.kube.kinds.istio_security import Rule
from tejer.kube.problem import Problem, Severity

HTTP_FILTER = "envoy.filters.http.rbac"
NETWORK_FILTER = "envoy.filters.network.rbac"
_SHADOW_PREFIX = {RBAC.ALLOW: "istio_dry_run_allow_", RBAC.DENY: "istio_dry_run_deny_", RBAC.LOG: ""}
_BAD_CUSTOM = "-deny-due-to-bad-CUSTOM-action"


class Guards(NamedTuple):
    """The filters that stand before a workload's HTTP and TCP ports."""

    http: tuple[HttpFilter, ...] = ()
    network: tuple[NetworkFilter, ...] = ()
    problems: tuple[Problem, ...] = ()


def guards(policies: PolicySet, mesh: MeshSettings) -> Guards:
    builder = _Builder(mesh)
    http: list[HttpFilter] = list(builder.custom_http(policies.custom))
    network: list[NetworkFilter] = list(builder.custom_network(policies.custom))
    for action, members in ((RBAC.LOG, policies.audit), (RBAC.DENY, policies.deny), (RBAC.ALLOW, policies.allow)):
        if (on_http := builder.rbac(members, action, tcp=False)) is not None:
            http.append(_http_filter(*on_http))
        if (on_tcp := builder.rbac(members, action, tcp=True)) is not None:
            network.append(_network_filter(*on_tcp))
    return Guards(tuple(http), tuple(network), tuple(builder.problems))


class _Builder:
    def __init__(self, mesh: MeshSettings) -> None:
        self.mesh = mesh
        self.problems: list[Problem] = []

    def rbac(
        self, policies: Sequence[PolicyConfig], action: int, *, tcp: bool
    ) -> tuple[RBAC | None, RBAC | None] | None:
        """Enforced rules and shadow rules (dry run); None when there is nothing to say."""
        enforced = [policy for policy in policies if not policy.dry_run]
        shadowed = [policy for policy in policies if policy.dry_run and action != RBAC.LOG]
        if not enforced and not shadowed:
            return None
        return self._rules(enforced, action, tcp=tcp), self._rules(shadowed, action, tcp=tcp)

    def _rules(self, policies: Sequence[PolicyConfig], action: int, *, tcp: bool) -> RBAC | None:
        if not policies:
            return None
        made: dict[str, Policy] = {}
        for policy in policies:
            name = f"ns[{policy.namespace}]-policy[{policy.name}]"
            if not policy.spec.rules and action == RBAC.ALLOW:
                made[f"{name}-rule[0]"] = never()
            for index, rule in enumerate(policy.spec.rules):
                found = self._rule(policy, index, rule, action, tcp=tcp)
                if found is not None:
                    made[f"{name}-rule[{index}]"] = found
        return RBAC(action=action, policies=made)

    def _rule(self, policy: PolicyConfig, index: int, rule: Rule, action: int, *, tcp: bool) -> Policy | None:
        strict = action == RBAC.ALLOW
        try:
            return rule_policy(rule, policy.namespace, self.mesh.trust_domains, tcp=tcp, strict=strict)
        except HttpOnlyError:
            return None
        except ValueError as error:
            self._report(policy, f"spec.rules[{index}]", str(error), strict=strict)
            if strict:
                return None
            wider = Rule(from_=(), to=(), when=())
            return rule_policy(wider, policy.namespace, self.mesh.trust_domains, tcp=tcp, strict=False)

    def _report(self, policy: PolicyConfig, field: str, message: str, *, strict: bool) -> None:
        effect = "the rule allows nothing" if strict else "the rule applies to every request"
        problem = Problem(
            severity=Severity.ERROR,
            key=policy.key,
            kind="AuthorizationPolicy",
            field=field,
            message=message,
            hint=f"until this is put right {effect}",
        )
        if problem not in self.problems:
            self.problems.append(problem)

    # -- CUSTOM ----------------------------------------------------------------------------------------------------

    def custom_http(self, policies: Sequence[PolicyConfig]) -> Iterable[HttpFilter]:
        for name, (provider, members) in self._providers(policies).items():
            policies_made = self._custom(name, members, bad=provider is None, tcp=False)
            if not policies_made:
                continue
            yield _custom_http_filter(policies_made, bad=provider is None)
            if provider is not None:
                yield ext_authz.http_filter(provider, self.mesh.domain)

    def custom_network(self, policies: Sequence[PolicyConfig]) -> Iterable[NetworkFilter]:
        for name, (provider, members) in self._providers(policies).items():
            policies_made = self._custom(name, members, bad=provider is None, tcp=True)
            if not policies_made or (provider is not None and not provider.grpc):
                continue
            yield _custom_network_filter(policies_made, bad=provider is None)
            if provider is not None:
                yield ext_authz.network_filter(provider, self.mesh.domain)

    def _providers(
        self, policies: Sequence[PolicyConfig]
    ) -> dict[str, tuple[ExtAuthzProvider | None, list[PolicyConfig]]]:
        """Policies by provider. With several providers on a workload, or an unknown one, what they guard is denied."""
        by_name: dict[str, list[PolicyConfig]] = {}
        for policy in policies:
            name = policy.spec.provider.name if policy.spec.provider else ""
            by_name.setdefault(name, []).append(policy)
        known = {provider.name: provider for provider in self.mesh.ext_authz}
        found: dict[str, tuple[ExtAuthzProvider | None, list[PolicyConfig]]] = {}
        for name in sorted(by_name):
            provider = known.get(name) if len(by_name) == 1 else None
            if provider is not None and not (provider.service and provider.port):
                provider = None
            if provider is None:
                why = f"provider {name!r} is not in extensionProviders" if name not in known else "several providers"
                for policy in by_name[name]:
                    self._report(policy, "spec.provider", f"{why}: what the policy guards is denied", strict=True)
            found[name] = (provider, by_name[name])
        return found

    def _custom(self, provider: str, policies: list[PolicyConfig], *, bad: bool, tcp: bool) -> dict[str, Policy]:
        made: dict[str, Policy] = {}
        for policy in policies:
            for index, rule in enumerate(policy.spec.rules):
                found = self._rule(policy, index, rule, RBAC.ALLOW if tcp else RBAC.DENY, tcp=tcp)
                if found is not None:
                    name = f"istio-ext-authz-{provider}-ns[{policy.namespace}]-policy[{policy.name}]-rule[{index}]"
                    made[name + (_BAD_CUSTOM if bad else "")] = found
        return made


def _shadow_prefix(shadow: RBAC | None) -> str:
    return _SHADOW_PREFIX[shadow.action if shadow is not None else RBAC.ALLOW]


def _http_filter(rules: RBAC | None, shadow: RBAC | None) -> HttpFilter:
    config = HttpRbac(rules=rules, shadow_rules=shadow, shadow_rules_stat_prefix=_shadow_prefix(shadow))
    return HttpFilter(name=HTTP_FILTER, typed_config=pack(config))


def _network_filter(rules: RBAC | None, shadow: RBAC | None) -> NetworkFilter:
    config = NetworkRbac(
        rules=rules, shadow_rules=shadow, shadow_rules_stat_prefix=_shadow_prefix(shadow), stat_prefix="tcp."
    )
    return NetworkFilter(name=NETWORK_FILTER, typed_config=pack(config))


def _custom_http_filter(policies: dict[str, Policy], *, bad: bool) -> HttpFilter:
    rules = RBAC(action=RBAC.DENY, policies=policies)
    config = HttpRbac(rules=rules) if bad else HttpRbac(shadow_rules=rules, shadow_rules_stat_prefix=ext_authz.PREFIX)
    return HttpFilter(name=HTTP_FILTER, typed_config=pack(config))


def _custom_network_filter(policies: dict[str, Policy], *, bad: bool) -> NetworkFilter:
    rules = RBAC(action=RBAC.DENY, policies=policies)
    config = NetworkRbac(stat_prefix="tcp.")
    if bad:
        config.rules.CopyFrom(rules)
    else:
        config.shadow_rules.CopyFrom(rules)
        config.shadow_rules_stat_prefix = ext_authz.PREFIX
    return NetworkFilter(name=NETWORK_FILTER, typed_config=pack(config))
