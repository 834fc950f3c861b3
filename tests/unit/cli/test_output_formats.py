"""What a command prints as a table it prints for programs too."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from tejer.cli.main import tejer
from tejer.cli.proxy_config import loggers

FILES = {"kube-inject"}
"""Here --output names a file."""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


OUTPUTS = {
    name: option.type.choices
    for name, command in commands(tejer)
    for option in command.params
    if "--output" in option.opts and name not in FILES and isinstance(option.type, click.Choice)
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_output_can_be_json_and_yaml(name: str) -> None:
    assert {"json", "yaml"} <= set(OUTPUTS[name])


def test_commands_that_print_tables_have_the_option() -> None:
    tables = {"up", "status", "get", "demo", "analyze", "validate", "proxy-status", "version", "x precheck"}
    assert tables <= set(OUTPUTS)
    assert {name for name, _ in commands(tejer) if name.startswith("proxy-config ")} <= set(OUTPUTS)


def test_levels_of_loggers() -> None:
    assert loggers("active loggers:\n  admin: warning\n  http2: debug\n") == {"admin": "warning", "http2": "debug"}
