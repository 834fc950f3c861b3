"""From Prometheus' answers to what panels show."""

from __future__ import annotations

from typing import Any

from tejer.observe.dashboards.frames import Frame, series_frames, table_frame
from tejer.observe.dashboards.model import Link, Matcher, Override, Panel, Style, Target, Transformation
from tejer.observe.dashboards.views import Chart, Heat, Stats, Tables, view


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    return {
        "resultType": "matrix",
        "result": [{"metric": labels, "values": [list(pair) for pair in pairs]} for labels, pairs in series],
    }


def vector(*rows: tuple[dict[str, str], str]) -> dict[str, Any]:
    return {"resultType": "vector", "result": [{"metric": labels, "value": [60, value]} for labels, value in rows]}


def frames(data: dict[str, Any], legend: str = "", step: int = 1000, ref: str = "A") -> list[Frame]:
    return series_frames(Target(ref_id=ref, expr="up", legend=legend), data, step)


def panel(kind: Any, **more: Any) -> Panel:
    return Panel(id=1, kind=kind, asked=kind, **more)


TWO = matrix(
    ({"a": "x", "__name__": "up"}, [(1, "1"), (2, "NaN"), (3, "+Inf")]), ({"a": "y", "__name__": "up"}, [(2, "5")])
)


def test_series_share_one_clock_and_gaps_are_gaps() -> None:
    chart = view(panel("timeseries"), frames(TWO, "{{a}} of {{ missing }}"))
    assert isinstance(chart, Chart)
    assert chart.times == [1000, 2000, 3000]
    assert [(one.name, one.values) for one in chart.series] == [("x of ", [1, None, None]), ("y of ", [None, 5, None])]


def test_legends() -> None:
    named = [frame.fields[1].display for frame in frames(TWO, "__auto")]
    whole = [frame.fields[1].display for frame in frames(TWO)]
    assert (named, whole) == (["x", "y"], ['up{a="x"}', 'up{a="y"}'])
    assert frames(vector(({}, "1")))[0].fields[1].display == "up"


def test_a_query_with_wider_steps_is_drawn_through() -> None:
    coarse = frames(matrix(({}, [(1, "1"), (3, "3")])), "wide", step=2000, ref="B")
    chart = view(panel("timeseries"), [*frames(TWO, "{{a}}"), *coarse])
    assert isinstance(chart, Chart)
    assert [one.style.span_nulls for one in chart.series] == [False, False, True]


def test_overrides_change_the_fields_they_match() -> None:
    by = [
        Override(
            matcher=Matcher(kind="byRegexp", text="/^x/"),
            changes={"unit": "ms", "display_name": "X ${__field.labels.a}"},
        ),
        Override(matcher=Matcher(kind="byFrameRefID", text="A"), changes={"decimals": 1}),
        Override(matcher=Matcher(kind="byValue", reducer="max", op="eq", value=5), changes={"hidden": True}),
    ]
    chart = view(panel("timeseries", overrides=tuple(by)), frames(TWO, "{{a}}"))
    assert isinstance(chart, Chart)
    assert [(one.name, one.style.unit, one.style.decimals) for one in chart.series] == [("X x", "ms", 1)]


def test_a_stat_is_the_calculation_over_its_line() -> None:
    data = matrix(({}, [(1, "1"), (2, "4"), (3, "NaN")]))
    for how, value in {"lastNotNull": 4, "max": 4, "mean": 2.5, "sum": 5, "count": 3, "p95": None}.items():
        stats = view(panel("stat", options={"calcs": [how]}), frames(data))
        assert isinstance(stats, Stats)
        assert (stats.stats[0].value, stats.stats[0].spark) == (value, [1, 4, None]), how


def tables(queries: list[dict[str, Any]], **more: Any) -> list[list[tuple[str, list[Any]]]]:
    targets = [Target(ref_id=chr(65 + place), expr="q", format="table") for place in range(len(queries))]
    answers = [table_frame(target, data, len(queries) > 1) for target, data in zip(targets, queries, strict=True)]
    found = view(panel("table", **more), answers)
    assert isinstance(found, Tables)
    return [[(column.name, column.values) for column in table.columns] for table in found.tables]


RATES = vector(({"w": "a", "s": "1"}, "1"), ({"w": "b", "s": "2"}, "2"))
TIMES = vector(({"w": "a"}, "10"), ({"w": "c"}, "30"))


def test_merge_joins_the_rows_that_agree() -> None:
    (table,) = tables([RATES, TIMES], transformations=(Transformation(id="merge"),))
    assert dict(table) == {
        "Time": [60_000] * 3, "s": ["1", "2", None], "w": ["a", "b", "c"], "Value #A": [1, 2, None],
        "Value #B": [10, None, 30],
    }  # fmt: skip


def test_organize_hides_orders_and_renames() -> None:
    options = {"excludeByName": {"Time": True}, "indexByName": {"w": 0, "Value": 1}, "renameByName": {"Value": "Rate"}}
    (table,) = tables([RATES], transformations=(Transformation(id="organize", options=options),))
    assert table == [("w", ["a", "b"]), ("Rate", [1, 2]), ("s", ["1", "2"])]


def test_other_transformations() -> None:
    steps = (
        Transformation(id="joinByField", options={"byField": "w", "mode": "inner"}),
        Transformation(id="filterFieldsByName", options={"include": {"pattern": "/^(w|Value.*)$/"}}),
        Transformation(id="sortBy", options={"sort": [{"field": "w", "desc": True}]}),
        Transformation(id="limit", options={"limitField": 1}),
    )
    (table,) = tables([RATES, TIMES], transformations=steps)
    assert dict(table)["w"] == ["a"]


def test_a_table_is_sorted_by_the_heading_it_shows() -> None:
    rename = Override(matcher=Matcher(kind="byName", text="Value"), changes={"display_name": "Rate"})
    (table,) = tables([RATES], overrides=(rename,), options={"sortBy": "Rate", "sortDesc": True})
    assert dict(table)["w"] == ["b", "a"]


def test_cells_lead_where_their_row_says() -> None:
    url = '/d/x?var-s=${__data.fields.s}&var-w=${__data.fields["w"]}&v=${__value.raw}'
    linked = Override(matcher=Matcher(kind="byName", text="w"), changes={"links": (Link(url=url),)})
    target = Target(ref_id="A", expr="q", format="table")
    found = view(
        panel("table", overrides=(linked,)), [table_frame(target, vector(({"w": "a b", "s": "x&y=1"}, "1")), False)]
    )
    assert isinstance(found, Tables)
    (column,) = [column for column in found.tables[0].columns if column.name == "w"]
    assert column.links == ["/d/x?var-s=x%26y%3D1&var-w=a%20b&v=a%20b"]


def test_a_heatmap_shows_counts_between_buckets() -> None:
    data = matrix(
        ({"le": "+Inf"}, [(1, "9")]), ({"le": "0.5"}, [(1, "2")]), ({"le": "10"}, [(1, "7")]), ({"le": "1"}, [(1, "6")])
    )
    heat = view(panel("heatmap"), frames(data, "{{le}}"))
    assert isinstance(heat, Heat)
    assert (heat.labels, heat.counts) == (["0.5", "1", "10", "+Inf"], [[2], [4], [1], [2]])


def test_hidden_columns_are_not_sent() -> None:
    hide = Override(matcher=Matcher(kind="byType", text="string"), changes={"hidden": True})
    (table,) = tables([RATES], overrides=(hide,))
    assert [name for name, _ in table] == ["Time", "Value"]


def test_styles_stay_the_panels_where_nothing_matches() -> None:
    chart = view(panel("timeseries", style=Style(unit="reqps")), frames(TWO))
    assert isinstance(chart, Chart)
    assert {one.style.unit for one in chart.series} == {"reqps"}
