"""A dashboard as we draw it: what Grafana's JSON says once it has been read. Immutable, and sent to the page as is.

Field names are Grafana's own (dashboard JSON model, schema versions 1 to 41), so that its documentation explains ours.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Scalar: TypeAlias = str | float | int | bool | None
PanelKind: TypeAlias = Literal[
    "timeseries", "stat", "gauge", "bargauge", "table", "text", "heatmap", "piechart", "unsupported"
]
VariableKind: TypeAlias = Literal["query", "custom", "interval", "constant", "datasource", "textbox"]


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of what is below: camelCase in JSON, and defaults left out."""


class Omission(Part, frozen=True):
    """Something of the user's JSON that is not drawn. `where` is a panel's title or a path."""

    where: str
    kind: str
    name: str


class Grid(Part, frozen=True):
    """Position in Grafana's grid of 24 columns; a unit of height is 36 pixels, gap included."""

    x: int = 0
    y: int = 0
    w: int = 12
    h: int = 8


class Target(Part, frozen=True):
    """One query of a panel. `instant` asks for the last value; `format` is Grafana's time_series, table or heatmap."""

    ref_id: str
    expr: str
    legend: str = ""
    instant: bool = False
    range: bool = True
    format: str = "time_series"
    interval: str = ""
    interval_factor: int = 1
    datasource: str = ""


class Step(Part, frozen=True):
    """A threshold: from `value` on (None: from minus infinity) values have this colour."""

    value: float | None = None
    color: str = ""


class Mapping(Part, frozen=True):
    """A value, range, pattern or special value (null, nan, true, false, empty) shown as `text` in `color`."""

    kind: Literal["value", "range", "regex", "special"]
    match: str = ""
    low: float | None = None
    high: float | None = None
    text: str | None = None
    color: str = ""


class Link(Part, frozen=True):
    """`url` may hold the dashboard's variables, and in data links `${__data.fields.NAME}` and `${__value.raw}`."""

    title: str = ""
    url: str = ""
    new_tab: bool = False


class Style(Part, frozen=True):
    """How a field is shown: Grafana's fieldConfig.defaults, with the overrides that match already applied."""

    unit: str = ""
    decimals: int | None = None
    min: float | None = None
    max: float | None = None
    display_name: str = ""
    no_value: str = ""
    color_mode: str = ""
    color: str = ""
    threshold_mode: Literal["absolute", "percentage"] = "absolute"
    thresholds: tuple[Step, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    links: tuple[Link, ...] = ()
    draw: Literal["line", "bars", "points"] = "line"
    line_width: float = 1
    line_interpolation: str = "linear"
    fill_opacity: float = 0
    stacking: Literal["none", "normal", "percent"] = "none"
    span_nulls: bool = False
    axis: Literal["auto", "left", "right", "hidden"] = "auto"
    axis_label: str = ""
    log_base: int = 0
    hidden: bool = False
    hide_legend: bool = False
    negative: bool = False
    width: int = 0
    align: str = ""
    cell: str = ""


class Matcher(Part, frozen=True):
    """Which fields an override is for: by name, pattern, type, query or reduced value."""

    kind: Literal["byName", "byRegexp", "byType", "byFrameRefID", "byValue", "byNames"]
    text: str = ""
    names: tuple[str, ...] = ()
    reducer: str = ""
    op: str = ""
    value: float = 0


class Override(Part, frozen=True):
    """`changes` are the fields of Style it sets, by their Python names, validated when they were read."""

    matcher: Matcher
    changes: dict[str, object]


class Transformation(Part, frozen=True):
    """One of the transformations we do, with its options as the JSON had them."""

    id: str
    options: dict[str, object] = {}


class Panel(Part, frozen=True):
    """`options` holds what the kind of panel draws by; see `reading.panels` for its keys."""

    id: int
    kind: PanelKind
    asked: str
    title: str = ""
    description: str = ""
    grid: Grid = Grid()
    targets: tuple[Target, ...] = ()
    style: Style = Style()
    overrides: tuple[Override, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    options: dict[str, object] = {}
    links: tuple[Link, ...] = ()
    interval: str = ""
    max_points: int = 0
    time_from: str = ""
    transparent: bool = False


class Row(Part, frozen=True):
    """Panels under one heading. The first row of a dashboard may have no title: what stands before any heading."""

    title: str = ""
    collapsed: bool = False
    panels: tuple[Panel, ...] = ()


class Variable(Part, frozen=True):
    """`query` depends on the kind: a variable query, choices separated by commas, or a constant."""

    name: str
    kind: VariableKind
    label: str = ""
    query: str = ""
    regex: str = ""
    sort: int = 0
    multi: bool = False
    include_all: bool = False
    all_value: str = ""
    hide: Literal["", "label", "variable"] = ""
    current: tuple[str, ...] = ()
    datasource: str = ""
    description: str = ""


class Dashboard(Part, frozen=True):
    """Times are relative as Grafana writes them, or ISO dates; `shared` is what the pointer moves in all panels."""

    uid: str
    title: str
    description: str = ""
    tags: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    variables: tuple[Variable, ...] = ()
    links: tuple[Link, ...] = ()
    time_from: str = "now-1h"
    time_to: str = "now"
    refresh: str = ""
    shared: Literal["nothing", "crosshair", "tooltip"] = "nothing"

    def panel(self, number: int) -> Panel | None:
        return next((panel for row in self.rows for panel in row.panels if panel.id == number), None)


ALL = "$__all"
"""What a variable holds when the user chose All, in URLs too."""
