"""Samples to ask about: those of a folder, or made here, the same each time."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tejer.observe.metrics.series import Labels

Series: TypeAlias = tuple[Labels, list[tuple[int, float]]]
"""Labels, and (time in ms, value) in ascending order."""
BEGIN = 1_700_000_000_000
STEP = 15_000
COUNT = 80
_BOUNDS = ("0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "+Inf")
_METRIC = re.compile(r"\b[a-z_:]+_[a-zA-Z0-9_:]*\b")
_MILLISECONDS_FROM = 1e11
"""A time this large can't be seconds."""


def labels(**given: str) -> Labels:
    return tuple(sorted((name, value) for name, value in given.items() if value))


def read(path: Path) -> list[Series]:
    """A file of samples: a list of series (or an object that holds one), as Prometheus's API writes them or alike."""
    return [_series(item) for item in _listed(json.loads(path.read_text()))]


def _listed(value: Any) -> list[Any]:
    while isinstance(value, dict):
        value = next(value[key] for key in ("data", "result", "series", "samples") if key in value)
    return list(value)


def _series(item: dict[str, Any]) -> Series:
    held = dict(item.get("metric") or item.get("labels") or {})
    if "name" in item:
        held.setdefault("__name__", item["name"])
    points = item.get("values") or item.get("samples") or item.get("points") or []
    return tuple(sorted((k, str(v)) for k, v in held.items() if v != "")), [
        (round(time if time > _MILLISECONDS_FROM else time * 1000), float(value)) for time, value in points
    ]


def made(expressions: Iterable[str]) -> list[Series]:
    """Series of every metric that the expressions name, and some odd ones (`g`, `h`, `one`, `c`, `odd_bucket`)."""
    random_ = random.Random(7)
    times = [BEGIN + i * STEP + random_.randrange(3) for i in range(COUNT)]
    names = sorted({match for text in expressions for match in _METRIC.findall(text)})
    found: list[Series] = []
    for name in names:
        found += _requests(name, times, random_) if name.startswith("istio_") else _process(name, times, random_)
    return [*found, *_odd(times, random_)]


def _counter(times: Sequence[int], random_: random.Random) -> list[tuple[int, float]]:
    value, points = 0.0, []
    for time in times:
        value += random_.choice((0, 0, random_.random() * 5, random_.randrange(10)))
        if random_.random() < 0.01:
            value = random_.random()  # a restart
        points.append((time, value))
    return points


def _requests(name: str, times: Sequence[int], random_: random.Random) -> list[Series]:
    found: list[Series] = []
    for reporter in ("source", "destination"):
        for source, target in (("a", "b"), ("b", "c"), ("a", "c")):
            for code in ("200", "503"):
                held = {
                    "__name__": name, "reporter": reporter, "source_workload": source,
                    "source_workload_namespace": "ns", "destination_workload": target,
                    "destination_workload_namespace": "ns", "destination_service": f"{target}.ns.svc.cluster.local",
                    "destination_service_name": target, "destination_service_namespace": "ns", "response_code": code,
                    "request_protocol": "http", "response_flags": "-",
                    "connection_security_policy": "mutual_tls" if reporter == "destination" else "unknown",
                }  # fmt: skip
                if name.endswith("_bucket"):
                    found += _histogram(held, times, random_)
                else:
                    found.append((labels(**held), _counter(times, random_)))
    return found


def _histogram(held: dict[str, str], times: Sequence[int], random_: random.Random) -> list[Series]:
    totals, rows = [0] * len(_BOUNDS), [[] for _ in _BOUNDS]  # type: list[int], list[list[tuple[int, float]]]
    for time in times:
        for _ in range(random_.randrange(4)):
            first = random_.randrange(len(_BOUNDS))
            totals[first:] = [total + 1 for total in totals[first:]]
        for row, total in zip(rows, totals, strict=True):
            row.append((time, float(total)))
    return [(labels(**held, le=bound), row) for bound, row in zip(_BOUNDS, rows, strict=True)]


def _process(name: str, times: Sequence[int], random_: random.Random) -> list[Series]:
    found: list[Series] = []
    for pod, container in (("istiod-1", "discovery"), ("proxy-2", "istio-proxy")):
        held = labels(
            __name__=name, app="istiod", pod=pod, namespace="istio-system", job="kubernetes-pods",
            instance=f"{pod}:15014", type=random_.choice(("cds", "lds", "rds")), container=container,
            component="pilot", tag="1.28.0", le=random_.choice(("1", "+Inf")) if name.endswith("_bucket") else "",
        )  # fmt: skip
        gauge = [(time, random_.gauss(10, 5)) for time in times]
        found.append((held, _counter(times, random_) if random_.random() < 0.7 else gauge))
    return found


def _odd(times: Sequence[int], random_: random.Random) -> list[Series]:
    """Gaps, late starts, early ends, infinities, resets, missing buckets."""
    strange = (1.0, math.inf, -1.0, math.nan)
    found: list[Series] = [
        (labels(__name__="g", a="1"), [(time, math.sin(time / 1e5) * 10) for time in times]),
        (labels(__name__="g", a="2"), [(time, random_.gauss(0, 1)) for time in times[::3]]),
        (labels(__name__="g", a="3", b="x"), [(time, float(random_.choice((1, 2, 2, 3)))) for time in times[:30]]),
        (labels(__name__="g", a="4", b="y"), [(time, random_.choice(strange)) for time in times[10:50]]),
        (labels(__name__="h", a="1", b="x"), [(time, 5.0) for time in times]),
        (labels(__name__="h", a="2", b="y"), [(time, float(i)) for i, time in enumerate(times)]),
        (labels(__name__="h", a="3", b="y"), [(time, float(-i)) for i, time in enumerate(times)]),
        (labels(__name__="one", b="x", extra="e1"), [(time, 2.0) for time in times]),
        (labels(__name__="one", b="y", extra="e2"), [(time, 3.0 + i % 2) for i, time in enumerate(times)]),
        (labels(__name__="c", a="1"), _counter(times, random_)),
        (labels(__name__="c", a="2"), _counter(times[20:60], random_)),
    ]
    for j, bound in enumerate(("-1", "0", "0.5", "2", "+Inf")):
        rising = [(time, float(i * (j + 1))) for i, time in enumerate(times)]
        found.append((labels(__name__="odd_bucket", k="1", le=bound), rising))
    for j, bound in enumerate(("1", "2", "+Inf")):
        falling = [(time, float(i * (3 - j))) for i, time in enumerate(times)]
        found.append((labels(__name__="odd_bucket", k="2", le=bound), falling[j * 7 :]))
        if bound != "+Inf":
            found.append((labels(__name__="odd_bucket", k="3", le=bound), falling))
    return found
