"""Boolean flags as Go programs take them: `--use-kube`, `--use-kube=true`, `--use-kube=false`."""

from __future__ import annotations

import click

_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


class GoCommand(click.Command):
    """Rewrites `--flag=true` and `--flag=false` to what click takes. A flag on by default needs a `--no-` form."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        flags = {
            name: option
            for option in self.params
            if isinstance(option, click.Option) and option.is_flag
            for name in option.opts
        }
        rewritten = []
        for argument in args:
            name, equals, value = argument.partition("=")
            if not equals or name not in flags or value.lower() not in (*_TRUE, *_FALSE):
                rewritten.append(argument)
            elif value.lower() in _TRUE:
                rewritten.append(name)
            elif flags[name].secondary_opts:
                rewritten.append(flags[name].secondary_opts[0])
        return super().parse_args(ctx, rewritten)
