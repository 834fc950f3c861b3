"""The composition root: every program that Tejer is made of. The only file that knows all the rooms; none imports it.

The rooms meet over the Kubernetes API, xDS and the CA's service, each in a process of its own, so there is little to
compose here: which program starts where. Modules are imported when their program is run (`tejer --help` stays fast).
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import NamedTuple


class Program(NamedTuple):
    """`target` is "module:function", which returns an exit code or exits; `runs` says where and since when it lives."""

    name: str
    target: str
    runs: str


PROGRAMS: tuple[Program, ...] = (
    Program("tejer", "tejer.cli.main:main", "on the command line"),
    Program("istioctl", "tejer.cli.main:main", "on the command line, under the name users know"),
    Program("cluster", "tejer.cluster.daemon:main", "one for each embedded cluster, started by `tejer up`"),
    Program("istiod", "tejer.istiod.main:main", "in the pods of Deployment istiod"),
    Program("pilot-agent", "tejer.envoy.agent.main:console", "in every istio-proxy container, beside Envoy"),
    Program("prometheus", "tejer.observe.metrics.main:main", "in the pod of Deployment prometheus, or by hand"),
    Program("config-reloader", "tejer.observe.metrics.reload:main", "beside it, in the same pod"),
    Program("grafana", "tejer.observe.dashboards.main:main", "in the pod of Deployment grafana, or by hand"),
    Program("jaeger", "tejer.observe.traces.main:main", "in the pod of Deployment jaeger, or by hand"),
)


def start(name: str) -> int:
    """Run one program in this process. Raises KeyError for a name that is not in the table."""
    targets = {program.name: program.target for program in PROGRAMS}
    module, _, function = targets[name].partition(":")
    result = getattr(importlib.import_module(module), function)()
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the console scripts: the program is chosen by the name it was called by."""
    called = Path(sys.argv[0]).name if sys.argv else "tejer"
    known = {program.name for program in PROGRAMS}
    sys.exit(start(called if called in known else "tejer"))


if __name__ == "__main__":
    main()
