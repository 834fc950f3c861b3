"""AuthorizationPolicy: who may do what to a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.selector import PolicyTargetReference, WorkloadSelector
from tejer.kube.kinds.istio.status import IstioStatus
from tejer.kube.kinds.keywords import enum, message, rule, schema
from tejer.kube.kinds.meta import ObjectMeta


class ExtensionProvider(Kind, frozen=True, kw_only=True):
    """The mesh configuration's provider that decides."""

    name: str = ""


class Source(Kind, frozen=True, kw_only=True):
    """Callers that satisfy all of these conditions."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        rules=(
            rule(
                "(has(self.serviceAccounts) || has(self.notServiceAccounts)) ? (!has(self.principals) &&\n"
                "!has(self.notPrincipals) && !has(self.namespaces) && !has(self.notNamespaces)) : true",
                "Cannot set serviceAccounts with namespaces or principals",
            ),
        )
    )

    ip_blocks: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    not_service_accounts: Annotated[tuple[Annotated[str, schema(max_length=320)], ...], schema(max_items=16)] = ()
    not_trust_domains: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    service_accounts: Annotated[tuple[Annotated[str, schema(max_length=320)], ...], schema(max_items=16)] = ()
    trust_domains: tuple[str, ...] = ()


class From(Kind, frozen=True, kw_only=True):
    """One source."""

    source: Source | None = None


class Operation(Kind, frozen=True, kw_only=True):
    """Requests that satisfy all of these conditions."""

    hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()


class To(Kind, frozen=True, kw_only=True):
    """One operation."""

    operation: Operation | None = None


class Condition(Kind, frozen=True, kw_only=True):
    """A further attribute and the values it may or may not have."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(required=("key",))

    key: str = ""
    not_values: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


class Rule(Kind, frozen=True, kw_only=True):
    """Requests from any source, to any operation, under all conditions."""

    from_: Annotated[tuple[From, ...], schema(max_items=512)] = ()
    to: tuple[To, ...] = ()
    when: tuple[Condition, ...] = ()


class AuthorizationPolicySpec(Kind, frozen=True, kw_only=True):
    """An action and the rules that call for it. ALLOW without rules denies everything."""

    SCHEMA: ClassVar[Mapping[str, Any]] = message(
        one_of=(("provider",),),
        rules=(
            rule(
                "(has(self.selector) ? 1 : 0) + (has(self.targetRef) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
                "only one of targetRefs or selector can be set",
            ),
        ),
    )

    action: Annotated[str, enum("ALLOW", "DENY", "AUDIT", "CUSTOM")] = ""
    provider: ExtensionProvider | None = None
    rules: Annotated[tuple[Rule, ...], schema(max_items=512)] = ()
    selector: WorkloadSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: Annotated[tuple[PolicyTargetReference, ...], schema(max_items=16)] = ()


class AuthorizationPolicy(Kind, frozen=True, kw_only=True):
    """Who may do what to a workload."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = ObjectMeta()
    spec: AuthorizationPolicySpec = AuthorizationPolicySpec()
    status: IstioStatus = IstioStatus()
