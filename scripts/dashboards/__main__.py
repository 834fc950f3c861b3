"""`python -m scripts.dashboards`: writes infrastructure/grafana/*.json and, around them, samples/addons/grafana.yaml.

Change a dashboard here, run it, and review the JSON it makes; a test keeps the two equal.
"""

from __future__ import annotations

import json
from pathlib import Path

from scripts.dashboards.addon import addon
from scripts.dashboards.control_plane import control_plane
from scripts.dashboards.mesh import mesh
from scripts.dashboards.parts import Json
from scripts.dashboards.performance import performance
from scripts.dashboards.service import service
from scripts.dashboards.workload import workload

ROOT = Path(__file__).parents[2]


def dashboards() -> dict[str, Json]:
    """By file name."""
    return {
        "istio-mesh-dashboard.json": mesh(),
        "istio-service-dashboard.json": service(),
        "istio-workload-dashboard.json": workload(),
        "istio-performance-dashboard.json": performance(),
        "pilot-dashboard.json": control_plane(),
    }


def files() -> dict[Path, str]:
    """Everything that is generated, by its path in the repository."""
    made = dashboards()
    written = {Path("infrastructure/grafana") / name: json.dumps(body, indent=2) + "\n" for name, body in made.items()}
    return {**written, Path("samples/addons/grafana.yaml"): addon(made)}


def main() -> None:
    for path, text in files().items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
