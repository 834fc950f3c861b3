"""Promises that the repository makes about itself."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for path in (ROOT / "tejer").rglob("*.py") if "__pycache__" not in path.parts]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_architecture_page_matches_the_code() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/architecture.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"run scripts/architecture.py\n{done.stderr}"


def test_architecture_page_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "tejer").iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(re.findall(r"^\| `tejer/(\w+)` \|", read("ARCHITECTURE.md"), re.M))


def test_package_files_are_empty() -> None:
    assert [path for path in SOURCES if path.name == "__init__.py" and path.stat().st_size] == []


def test_files_stay_small() -> None:
    """Generated kinds aside: median about 130 lines, nine of ten under 350."""
    sizes = sorted(
        len(path.read_text("utf-8").splitlines())
        for path in SOURCES
        if path.stat().st_size and "kinds" not in path.parts
    )
    assert statistics.median(sizes) <= 150
    assert sizes[int(len(sizes) * 0.9)] < 350


def test_every_dependency_is_explained() -> None:
    import tomllib

    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    explained = read("docs/dependencies.md")
    names = [re.split(r"[<>=\[ ]", line)[0] for line in wanted]
    assert [name for name in names if f"`{name}`" not in explained] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_exact_versions_with_hashes(lock: str) -> None:
    lines = [line for line in read(lock).splitlines() if line and not line.startswith((" ", "#"))]
    assert lines
    assert [line for line in lines if "==" not in line] == []
    assert read(lock).count("--hash=sha256:") >= len(lines)


def test_both_readmes_show_the_same_commands() -> None:
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```\n(.*?)```", read(name), re.S)
        lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
        return [line.replace("tienda", "shop") for line in lines if line]

    assert commands("README.md") == commands("README.es.md")
