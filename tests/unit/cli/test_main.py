"""The command line as a whole: help, names, exit codes, options anywhere."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tejer.cli import main
from tejer.cli.main import run, tejer
from tejer.cli.table import COMMANDS, SECTIONS


def test_every_row_is_a_command_that_exists() -> None:
    names = [name for row in COMMANDS for name in (row.name, *row.aliases)]
    assert len(names) == len(set(names))
    for row in COMMANDS:
        module, _, attribute = row.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        assert command.help or (command.callback and command.callback.__doc__), row.name
        assert row.section in SECTIONS


def test_help_lists_all_commands_and_imports_none_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(row.name in text for row in COMMANDS)
    code = "import sys; from tejer.cli.main import run; run(['--help']); print([m for m in sys.modules if m in " \
           "('aiohttp', 'msgspec', 'ruamel.yaml', 'cryptography', 'rich')])"  # fmt: skip
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_a_mistyped_command_names_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analize"]) == 64
    assert "Did you mean analyze?" in capsys.readouterr().err


def test_wrong_usage_is_64_and_a_missing_cluster_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(["analyze", "--no-such-option"]) == 64
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    capsys.readouterr()
    assert run(["proxy-status"]) == 1
    assert "tejer up" in capsys.readouterr().err


def test_global_options_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    @click.command()
    def probe() -> None:
        from tejer.cli.settings import settings

        chosen = settings()
        seen.append((chosen.namespace, chosen.context, chosen.istio_namespace))

    monkeypatch.setattr(main.Table, "get_command", lambda *_: main.with_options_everywhere(probe))
    for arguments in (["-n", "a", "probe"], ["probe", "-n", "a"], ["probe", "--namespace=a", "--context", "c"]):
        assert run(arguments) == 0
    assert run(["--istioNamespace", "mesh", "probe"]) == 0
    assert seen == [
        ("a", "", "istio-system"), ("a", "", "istio-system"), ("a", "c", "istio-system"), ("", "", "mesh"),
    ]  # fmt: skip


def test_a_refusal_of_the_server_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tejer.kube.api import ApiError

    @click.command()
    def probe() -> None:
        raise ApiError(403, "Forbidden", "pods is forbidden")

    monkeypatch.setattr(main.Table, "get_command", lambda *_: probe)
    assert run(["probe"]) == 1
    assert capsys.readouterr().err == "Error from server (Forbidden): pods is forbidden\n"
    assert isinstance(tejer, main.Table)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell], "istioctl") == 0
    assert "_ISTIOCTL_COMPLETE" in capsys.readouterr().out


def test_logs_takes_kubectls_short_option_for_the_container() -> None:
    from tejer.cli.logs import logs
    from tejer.cli.settings import with_global_options

    short = {option: parameter.name for parameter in with_global_options(logs).params for option in parameter.opts}
    assert (short["-c"], short["--kubeconfig"]) == ("container", "kubeconfig")
