"""Which messages of `analyze` are left out: by -S on the command line, and by annotations on the object."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tejer.cli.sources import Sources
    from tejer.kube.problem import Problem

ANNOTATIONS = ("galley.istio.io/analyze-suppress", "kiali.io/ignore-validations")


def origin(problem: Problem) -> str:
    """`VirtualService default/reviews`, or `Namespace default` for objects of the cluster."""
    if problem.key is None:
        return problem.kind
    return f"{problem.kind} " + "/".join(part for part in (problem.key.namespace, problem.key.name) if part)


def is_suppressed(problem: Problem, sources: Sources, suppress: Iterable[str]) -> bool:
    """`suppress` has texts such as `IST0103=Pod web.default`, with `*` for any characters."""
    if problem.key is None:
        return False
    body = sources.bodies.get((problem.kind, problem.key)) or {}
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    codes = {code.strip() for name in ANNOTATIONS for code in str(annotations.get(name, "")).split(",")}
    if "*" in codes or problem.code in codes:
        return True
    name = ".".join(part for part in (problem.key.name, problem.key.namespace) if part)
    for text in suppress:
        code, equals, resource = text.partition("=")
        if not equals:
            raise click.UsageError(f"-S {text}: write CODE=KIND NAME.NAMESPACE, such as IST0103=Pod web.default")
        if code == problem.code and fnmatchcase(f"{problem.kind} {name}", resource):
            return True
    return False
