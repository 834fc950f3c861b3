"""`completion`: a script that makes a shell complete commands and options."""

from __future__ import annotations

import click

HOW = {
    "bash": "source <({program} completion bash)",
    "zsh": "source <({program} completion zsh)",
    "fish": "{program} completion fish | source",
}


@click.command()
@click.argument("shell", type=click.Choice(list(HOW)))
def completion(shell: str) -> None:
    """Print a completion script. For bash: source <(tejer completion bash)."""
    from click.shell_completion import get_completion_class

    from tejer.cli.main import tejer

    program = click.get_current_context().find_root().info_name or "tejer"
    kind = get_completion_class(shell)
    assert kind is not None, "click knows the shells listed above"
    variable = f"_{program.upper()}_COMPLETE"
    if shell == "bash":
        click.echo(_BASH.format(program=program, variable=variable))
        return
    click.echo(kind(tejer, {}, program, variable).source())


# click's own asks bash for its version by running it, which fails where bash is not the login shell.
_BASH = """\
_{program}_completion() {{
    local IFS=$'\\n'
    local response
    response=$(env COMP_WORDS="${{COMP_WORDS[*]}}" COMP_CWORD=$COMP_CWORD {variable}=bash_complete $1)
    for completion in $response; do
        IFS=',' read type value <<< "$completion"
        if [[ $type == 'dir' ]]; then COMPREPLY=(); compopt -o dirnames
        elif [[ $type == 'file' ]]; then COMPREPLY=(); compopt -o default
        elif [[ $type == 'plain' ]]; then COMPREPLY+=($value)
        fi
    done
    return 0
}}
complete -o nosort -F _{program}_completion {program}"""
