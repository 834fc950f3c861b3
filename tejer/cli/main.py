"""`tejer` and `istioctl`: one program. Nothing but click is imported until a command is chosen."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import click

from tejer.cli.settings import Settings, with_global_options
from tejer.cli.table import COMMANDS, SECTIONS

EXIT_USAGE = 64
"""sysexits.h EX_USAGE, as istioctl has it (istioctl/cmd/sysexits.go)."""


class Table(click.Group):
    """A group whose commands are the rows of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [row.name for row in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for row in COMMANDS:
            if cmd_name == row.name or cmd_name in row.aliases:
                module, _, attribute = row.target.partition(":")
                try:
                    command: click.Command = getattr(importlib.import_module(module), attribute)
                except ModuleNotFoundError as error:
                    if error.name != module:
                        raise
                    raise click.ClickException(f"{row.name} is not part of this installation") from None
                return with_options_everywhere(command)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            names = [name for row in COMMANDS for name in (row.name, *row.aliases)]
            close = difflib.get_close_matches(args[0], names, 1)
            hint = f" Did you mean {close[0]}?" if close else f" {ctx.info_name} --help lists them."
            raise click.UsageError(f"No command {args[0]!r}.{hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in SECTIONS:
            rows = [(", ".join((row.name, *row.aliases)), row.help) for row in COMMANDS if row.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


def with_options_everywhere(command: click.Command) -> click.Command:
    """The global options on a command and, if it is a group, on all below it."""
    with_global_options(command)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            with_options_everywhere(inner)
    return command


@click.command(cls=Table, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tejer", prog_name="tejer")
@click.pass_context
def tejer(context: click.Context) -> None:
    """A service mesh with Istio's API: control plane, command line and an embedded cluster, driving stock Envoy."""
    context.ensure_object(Settings)


def main() -> None:
    """Entry point of both console scripts. Exit codes are istioctl's."""
    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "tejer"
    sys.exit(run(sys.argv[1:], program if program in ("tejer", "istioctl") else "tejer"))


def run(arguments: list[str], program: str = "tejer") -> int:
    """Run one command line and return its exit code; every failure is one clear message on stderr."""
    with_global_options(tejer)
    try:
        result = tejer.main(arguments, prog_name=program, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else str(error))
        return 0
    except click.UsageError as error:
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone: say nothing, also not while the interpreter flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    except Exception as error:
        if code := _api_refusal(error):
            return code
        raise


def _api_refusal(error: Exception) -> int:
    from tejer.kube.api import ApiError

    if not isinstance(error, ApiError):
        return 0
    click.echo(f"Error from server ({error.reason or error.code}): {error.message}", err=True)
    return 1
