"""Istio's simulation tests: calls through the generated configuration of one proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tejer.istiod.simulate.call import Answer, Call
from tejer.istiod.simulate.simulate import Simulation
from tejer.istiod.translate.rendered import Rendered
from tejer.kube.manifest import load_value
from tests.conformance.outcome import Outcome
from tests.support.mesh_world import World

PROXY = {"type": "sidecar", "address": "1.1.1.1", "name": "app", "namespace": "default", "labels": {}}
FIELDS = {
    "ListenerMatched": "listener",
    "FilterChainMatched": "filter_chain",
    "RouteConfigMatched": "route_config",
    "VirtualHostMatched": "virtual_host",
    "RouteMatched": "route",
    "ClusterMatched": "cluster",
    "Error": "error",
}


def answer(directory: Path) -> Outcome:
    scenarios = json.loads((directory / "simulate/cases.json").read_text())["scenarios"]
    answers: list[Any] = []
    misses: list[str] = []
    total = 0
    for scenario in scenarios:
        simulation = Simulation(_render(scenario))
        given = []
        for case in scenario["calls"]:
            total += 1
            found = simulation.run(_call(case["call"]))
            got = {key: getattr(found, field) for key, field in FIELDS.items() if getattr(found, field)}
            given.append(got)
            if "result" in case and (wrong := _wrong(case["result"], found)):
                misses.append(f"{scenario['test']}/{scenario['name']}/{case['name']}: {wrong}")
        answers.append(given)
    return Outcome(answers, total, misses)


def _wrong(wanted: dict[str, Any], found: Answer) -> str:
    strict = bool(wanted.get("StrictMatch"))
    wrong = []
    for key, field in FIELDS.items():
        want, got = wanted.get(key) or "", getattr(found, field)
        if want != got and (want or strict) and not (strict and key in ("FilterChainMatched",) and not want):
            wrong.append(f"{key} {got!r}, wanted {want!r}")
    if not wanted.get("Error") and found.error:
        wrong.append(f"Error {found.error!r}")
    return "; ".join(dict.fromkeys(wrong))


def _render(scenario: dict[str, Any]) -> Rendered:
    """Config objects of these tests have no cluster domain: short names become `name.namespace`."""
    world = World(short_domain="")
    world.ages = False
    proxy = {**PROXY, **scenario["proxy"]}
    world.proxy = {"kind": "Proxy", **proxy}
    mesh = load_value(scenario["mesh_config"]) if scenario["mesh_config"] else {}
    world.load(json.dumps({"kind": "Mesh", **mesh}))
    for text in (scenario["kube_config"] or "", scenario["config"] or ""):
        if text.strip():
            world.load(text)
    return world.render()


def _call(given: dict[str, Any]) -> Call:
    return Call(
        address=given.get("Address") or "1.3.3.7",
        port=given.get("Port", 0),
        protocol=given.get("Protocol", "tcp"),
        tls=given.get("TLS") or "plaintext",
        host=given.get("HostHeader", ""),
        path=given.get("Path") or "/",
        sni=given.get("Sni", ""),
        alpn=given.get("Alpn", ""),
        mode=given.get("CallMode", ""),
        certificate=given.get("MtlsSecretConfigName") or "default",
    )
