"""`Analyzer`, and what analyzers share: how a message is made, and small questions about selectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from tejer.istiod.checks.codes import CODES
from tejer.istiod.checks.objects import Item
from tejer.kube.problem import Problem
from tejer.kube.types import ResourceType

if TYPE_CHECKING:
    from tejer.istiod.checks.view import View

Run = Callable[[Item, "View"], Iterator[Problem]]


class Analyzer(NamedTuple):
    """`name` is Istio's, or Kiali's code. `run` looks at each object of the kinds `over`; None are kinds not of ours.

    `needs` are further kinds, without which it can say nothing. An object whose fields can't be read is passed over
    unless `raw`.
    """

    name: str
    over: tuple[ResourceType | None, ...]
    needs: tuple[ResourceType, ...]
    run: Run
    raw: bool = False


def found(item: Item, code: str, message: str, field: str = "", hint: str = "") -> Problem:
    """A message about an object; the code gives its level."""
    return Problem(
        severity=CODES[code].severity, code=code, message=message, field=field, hint=hint, key=item.key, kind=item.kind
    )


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether labels have all that a selector asks for."""
    return selector.items() <= labels.items()


def label_text(labels: Mapping[str, str]) -> str:
    """`app=web,version=v1`."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
