"""The three places: which paths of each are pages. Their code is `static/places/<name>.js`."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """`paths` are aiohttp route patterns that all answer with the same shell; the browser's router tells them apart."""

    name: str
    title: str
    home: str
    paths: tuple[str, ...]


PROMETHEUS = Place(
    "prometheus", "Prometheus", "/graph",
    ("/graph", "/query", "/targets", "/service-discovery", "/status", "/config", "/tsdb-status", "/flags", "/about"),
)  # fmt: skip
GRAFANA = Place(
    "grafana", "Grafana", "/dashboards",
    ("/dashboards", "/d/{uid}", "/d/{uid}/{slug}", "/d-solo/{uid}", "/d-solo/{uid}/{slug}", "/dashboard/import",
     "/explore"),
)  # fmt: skip
JAEGER = Place(
    "jaeger", "Jaeger", "/search", ("/search", "/trace/{id}", "/compare", "/dependencies", "/logs", "/about")
)
PLACES = (PROMETHEUS, GRAFANA, JAEGER)
