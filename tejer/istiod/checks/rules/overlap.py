"""Rules of a VirtualService that can never be used: IST0130 and IST0131.

Routes are tried in order, so a match that an earlier one covers is dead. Source: Istio's
pkg/config/validation/virtualservice.go, analyzeUnreachable*Rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from tejer.istiod.checks.report import Report
from tejer.kube.kinds.base import Kind
from tejer.kube.kinds.istio.virtual_service import HTTPMatchRequest, StringMatch, VirtualServiceSpec

UNREACHABLE, INEFFECTIVE = "IST0130", "IST0131"


class _Seen(NamedTuple):
    rule: int
    position: int
    match: HTTPMatchRequest


def check_overlap(spec: VirtualServiceSpec, report: Report) -> None:
    """Warn of every rule that no request can reach, and of every match that an earlier one makes needless."""
    for name, rules in (
        ("http", [(rule.name, rule.match) for rule in spec.http]),
        ("tls", [("", rule.match) for rule in spec.tls]),
        ("tcp", [("", rule.match) for rule in spec.tcp]),
    ):
        _check_rules(name, rules, report.at(name))
    _check_prefixes(spec, report.at("http"))


def _check_rules(kind: str, rules: Sequence[tuple[str, Sequence[Kind]]], report: Report) -> None:
    seen: dict[bytes, int] = {}
    catch_all = -1
    for index, (_, matches) in enumerate(rules):
        if not matches:
            if catch_all >= 0:
                report.warning(
                    f"rule {_name(kind, index, rules)} is never used: only the last rule can have no matches",
                    index, code=UNREACHABLE,
                )  # fmt: skip
            catch_all = index
            continue
        duplicates = 0
        for position, match in enumerate(matches):
            key = msgspec.json.encode(_unnamed(match), order="sorted")
            if key in seen:
                duplicates += 1
                report.warning(
                    f"match #{position} of rule {_name(kind, index, rules)} is a duplicate of a match in rule "
                    f"{_name(kind, seen[key], rules)}",
                    index, "match", position, code=INEFFECTIVE,
                )  # fmt: skip
            seen.setdefault(key, index)
        if duplicates == len(matches):
            report.warning(
                f"rule {_name(kind, index, rules)} is never used: all its matches are used by earlier rules",
                index, code=UNREACHABLE,
            )  # fmt: skip


def _unnamed(match: Kind) -> Kind:
    """The match without its name, which changes nothing."""
    return msgspec.structs.replace(match, name="") if isinstance(match, HTTPMatchRequest) else match


def _name(kind: str, index: int, rules: Sequence[tuple[str, Sequence[Kind]]]) -> str:
    return repr(rules[index][0]) if rules[index][0] else f"#{index}"


def _check_prefixes(spec: VirtualServiceSpec, report: Report) -> None:
    """A match whose prefix, with every other condition, falls under an earlier match."""
    seen: list[_Seen] = []
    for rule, route in enumerate(spec.http):
        for position, match in enumerate(route.match):
            if match.uri is None or not match.uri.prefix:
                continue
            for earlier in seen:
                if _unnamed(earlier.match) != _unnamed(match) and covers(earlier.match, match):
                    report.warning(
                        f"match #{position} of rule #{rule} is covered by match #{earlier.position} of rule "
                        f"#{earlier.rule}, which comes first",
                        rule, "match", position, code=INEFFECTIVE,
                    )  # fmt: skip
                    break
            seen.append(_Seen(rule, position, match))


def covers(first: HTTPMatchRequest, second: HTTPMatchRequest) -> bool:
    """Whether every request that `second` takes is taken by `first`, both being prefix matches."""
    assert first.uri is not None
    assert second.uri is not None
    if not second.uri.prefix.startswith(first.uri.prefix) or first.ignore_uri_case != second.ignore_uri_case:
        return False
    same_texts = all(
        not getattr(first, name) or getattr(first, name) == getattr(second, name)
        for name in ("port", "scheme", "method", "authority", "gateways", "source_namespace")
    )
    return (
        same_texts
        and first.source_labels.items() <= second.source_labels.items()
        and _weaker(first.headers, second.headers)
        and _weaker(first.query_params, second.query_params)
        and _weaker(first.without_headers, second.without_headers)
    )


def _weaker(first: Mapping[str, StringMatch], second: Mapping[str, StringMatch]) -> bool:
    return all(second.get(name) == match for name, match in first.items())
