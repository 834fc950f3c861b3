"""DestinationRules: which one a client uses for a host, and what a subset or port of it says.

Sources: pilot/pkg/model/{destination_rule,push_context}.go, `istio.md` D17, D18, D22-D24.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from tejer.istiod.model.config import Config, selects
from tejer.istiod.model.hosts import matches, visible
from tejer.kube.kinds.istio_networking import DestinationRuleSpec, Subset, TrafficPolicy
from tejer.kube.resource import Key

Rule = Config[DestinationRuleSpec]


class EffectiveRule(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for one host, merged from `sources` (oldest first); `path` is the first's `istio.config`."""

    host: str
    path: str = ""
    policy: TrafficPolicy | None = None
    subsets: tuple[Subset, ...] = ()
    sources: tuple[Key, ...] = ()
    selector: dict[str, str] = {}

    def subset(self, name: str) -> Subset | None:
        return next((subset for subset in self.subsets if subset.name == name), None)


def _selector(rule: Rule) -> dict[str, str]:
    selector = rule.spec.workload_selector
    return dict(selector.match_labels) if selector else {}


def _merge(rules: list[Rule]) -> EffectiveRule:
    """Rules for one host in one namespace: subsets are joined (the first of a name wins), the first policy wins."""
    first = rules[0]
    subsets: dict[str, Subset] = {}
    for rule in rules:
        for subset in rule.spec.subsets:
            subsets.setdefault(subset.name, subset)
    policy = next((rule.spec.traffic_policy for rule in rules if rule.spec.traffic_policy), None)
    return EffectiveRule(
        host=first.spec.host,
        path=first.path,
        policy=policy,
        subsets=tuple(subsets.values()),
        sources=tuple(rule.key for rule in rules),
        selector=_selector(first),
    )


def pick(rules: Iterable[Rule], host: str, client_labels: dict[str, str]) -> EffectiveRule | None:
    """The effective rule for `host` among those of one namespace: exact host, else the longest wildcard.

    Of several rules for that host one whose workloadSelector fits comes first; the others must have the same one.
    """
    fitting = [rule for rule in rules if matches(rule.spec.host, host) and selects(_selector(rule), client_labels)]
    if not fitting:
        return None
    best = max((rule.spec.host for rule in fitting), key=lambda pattern: (pattern == host, len(pattern)))
    same = sorted((rule for rule in fitting if rule.spec.host == best), key=lambda r: (not _selector(r), *r.age))
    selector, exported = _selector(same[0]), set(same[0].spec.export_to)
    return _merge([r for r in same if _selector(r) == selector and (set(r.spec.export_to) == exported)])


def lookup(
    host: str,
    service_namespace: str,
    client_namespace: str,
    client_labels: dict[str, str],
    root_namespace: str,
    in_namespace: Callable[[str], Iterable[Rule]],
    default_export: tuple[str, ...],
) -> EffectiveRule | None:
    """Client namespace, then the service's, then the root; the first namespace with any fitting rule decides."""

    def seen_from_client(namespace: str) -> list[Rule]:
        found = [r for r in in_namespace(namespace) if not _selector(r)]
        return [r for r in found if visible(r.spec.export_to or default_export, r.namespace, client_namespace)]

    own = list(in_namespace(client_namespace))
    if client_namespace == root_namespace:
        own = [rule for rule in own if rule.spec.export_to == (".",)]
    if found := pick(own, host, client_labels):
        return found
    if service_namespace and (found := pick(seen_from_client(service_namespace), host, {})):
        return found
    return pick(seen_from_client(root_namespace), host, {})


def port_policy(policy: TrafficPolicy | None, port: int) -> TrafficPolicy:
    """What `policy` says for a port: a portLevelSettings entry replaces load balancing, pool, outliers and TLS."""
    if policy is None:
        return TrafficPolicy()
    for level in policy.port_level_settings:
        if level.port and level.port.number == port:
            return replace(
                policy,
                load_balancer=level.load_balancer,
                connection_pool=level.connection_pool,
                outlier_detection=level.outlier_detection,
                tls=level.tls,
                port_level_settings=(),
            )
    return replace(policy, port_level_settings=())


_BLOCKS = ("load_balancer", "connection_pool", "outlier_detection", "tls", "tunnel", "proxy_protocol", "retry_budget")


def subset_policy(rule: EffectiveRule | None, subset: str, port: int) -> TrafficPolicy:
    """The policy of `subset` ("" is the whole host) on `port`: subset port > subset > port > top, block by block."""
    if rule is None:
        return TrafficPolicy()
    base = port_policy(rule.policy, port)
    found = rule.subset(subset) if subset else None
    if found is None or found.traffic_policy is None:
        return base
    own = port_policy(found.traffic_policy, port)
    return replace(base, **{block: value for block in _BLOCKS if (value := getattr(own, block)) is not None})
