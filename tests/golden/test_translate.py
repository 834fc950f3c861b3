"""Golden files of translation: `translate/<case>.in.yaml` is a mesh, `<case>.out.yaml` what its proxy is sent.

A case's `Options` document says what to show: `show` is a list of `<kind>/<name>` with `*` (default: everything but
what every proxy has), `full: true` keeps access logs. `pytest --update-golden` writes the outputs anew.
"""

from __future__ import annotations

import fnmatch
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tejer.istiod.translate.rendered import CLUSTER, ENDPOINT, LISTENER, ROUTE, Rendered
from tests.support.envoy_config import decoded, validate, without
from tests.support.mesh_world import World

FOLDER = Path(__file__).parent / "translate"
CASES = sorted(path.name.removesuffix(".in.yaml") for path in FOLDER.glob("*.in.yaml"))
KINDS = {"cluster": CLUSTER, "endpoint": ENDPOINT, "listener": LISTENER, "route": ROUTE}
COMMON = ("cluster/BlackHoleCluster", "cluster/PassthroughCluster", "cluster/InboundPassthroughCluster",
          "listener/virtualOutbound")  # fmt: skip
NOISE = ("access_log", "access_log_options", "request_id_extension", "alt_stat_name", "decorator",
         "max_stream_duration")  # fmt: skip


def load(case: str) -> World:
    return World((FOLDER / f"{case}.in.yaml").read_text())


def shown(world: World, rendered: Rendered) -> dict[str, Any]:
    patterns = world.options.get("show")
    found: dict[str, Any] = {}
    for kind, url in KINDS.items():
        for name, value in decoded(rendered, url).items():
            label = f"{kind}/{name}"
            wanted = any(fnmatch.fnmatch(label, p) for p in patterns) if patterns else label not in COMMON
            if wanted:
                found[label] = value if world.options.get("full") else without(value, NOISE)
    problems = [f"{p.key}: {p.message}" for p in (*world.state.problems(), *rendered.problems)]
    return {**found, "problems": problems} if problems else found


@pytest.mark.parametrize("case", CASES)
def test_output(case: str) -> None:
    world = load(case)
    actual = shown(world, world.render())
    path = FOLDER / f"{case}.out.yaml"
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 160
    if os.environ.get("UPDATE_GOLDEN"):
        with path.open("w") as file:
            yaml.dump(json.loads(json.dumps(actual, sort_keys=True)), file)
    assert YAML(typ="safe", pure=True).load(path.read_text()) == actual


def test_envoy_accepts_every_output(tmp_path: Path) -> None:
    """All cases in one run of the real Envoy: nothing refused, no deprecated field."""
    assert validate({case: load(case).render() for case in CASES}, tmp_path) == ""


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("routes-")])
def test_route_timeouts_count(case: str) -> None:
    """Envoy ignores the timeout of a route that has `max_stream_duration`."""
    for configuration in decoded(load(case).render(), ROUTE).values():
        for host in configuration["virtual_hosts"]:
            for action in (route["route"] for route in host["routes"] if "route" in route):
                assert action["timeout"] == "0s" or "max_stream_duration" not in action
