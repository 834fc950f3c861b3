"""The table of programs."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

from tejer import app


@pytest.mark.parametrize("program", app.PROGRAMS, ids=lambda program: program.name)
def test_every_program_exists(program: app.Program) -> None:
    module, _, function = program.target.partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_console_scripts_are_programs() -> None:
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["scripts"]
    assert set(scripts) <= {program.name for program in app.PROGRAMS}
    assert set(scripts.values()) == {"tejer.app:main"}


def test_unknown_programs_are_refused() -> None:
    with pytest.raises(KeyError):
        app.start("galley")
