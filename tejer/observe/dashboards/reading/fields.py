"""Grafana's fieldConfig → Style, overrides and value mappings. Pure; what isn't drawn goes to `omissions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_type_hints

from tejer.observe.dashboards.model import Link, Mapping, Matcher, Override, Step, Style
from tejer.observe.dashboards.reading.document import Json
from tejer.observe.dashboards.reading.take import Omissions, child, children, color, flag, integer, number, text, texts

_HINTS = get_type_hints(Style)
_NEUTRAL_DEFAULTS = {"custom", "description", "filterable", "writeable", "path", "fieldMinMax"}
_NEUTRAL_CUSTOM = {
    "axisBorderShow", "axisCenteredZero", "axisColorMode", "axisGridShow", "axisSoftMax", "axisSoftMin",
    "barAlignment", "barMaxWidth", "barWidthFactor", "filterable", "inspect", "minWidth", "pointSize", "showPoints",
    "gradientMode", "insertNulls", "lineStyle", "displayMode", "wrapText", "axisWidth",
}  # fmt: skip
"""Cosmetics that never change which values are seen or where: not worth a line in the report."""
_MAX_OVERRIDES = 200


def read_style(config: Json, omissions: Omissions) -> Style:
    """`fieldConfig.defaults`."""
    return Style(**_changes(config, omissions))  # type: ignore[arg-type]  # each value was made for its field


def read_overrides(config: Json, omissions: Omissions) -> tuple[Override, ...]:
    """`fieldConfig.overrides`: those with a matcher we know, with the properties we know."""
    found = (_override(one, omissions) for one in children(config, "overrides", _MAX_OVERRIDES))
    return tuple(override for override in found if override and override.changes)


def _override(body: Json, omissions: Omissions) -> Override | None:
    matcher = _matcher(child(body, "matcher"), omissions)
    if matcher is None:
        return None
    config: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for one in children(body, "properties"):
        name, value = text(one, "id"), one.get("value")
        if name.startswith("custom."):
            custom[name.removeprefix("custom.")] = value
        elif name:
            config[name] = value
    return Override(matcher=matcher, changes=_changes({**config, "custom": custom}, omissions))


def _matcher(body: Json, omissions: Omissions) -> Matcher | None:
    kind, options = text(body, "id"), body.get("options")
    if kind in ("byName", "byRegexp", "byType", "byFrameRefID") and isinstance(options, str):
        return Matcher(kind=kind, text=options)  # type: ignore[arg-type]  # narrowed by the line above
    if kind == "byNames" and isinstance(options, dict):
        if text(options, "mode", "include") == "include":
            return Matcher(kind="byNames", names=texts(options.get("names")))
        kind = "byNames (exclude)"
    if kind == "byValue" and isinstance(options, dict):
        return Matcher(
            kind="byValue",
            reducer=text(options, "reducer"),
            op=text(options, "op"),
            value=number(options, "value") or 0,
        )
    omissions.add("overrideMatcher", kind or "?")
    return None


def _changes(config: Json, omissions: Omissions) -> dict[str, object]:
    """The fields of Style that this configuration sets."""
    changes: dict[str, object] = {}
    for key, value in config.items():
        reader = _READERS.get(key)
        if reader is not None:
            changes.update(reader(config, omissions))
        elif key not in _NEUTRAL_DEFAULTS and value not in (None, "", [], {}):
            omissions.add("fieldOption", key)
    custom = child(config, "custom")
    for key, value in custom.items():
        reader = _CUSTOM_READERS.get(key)
        if reader is not None:
            changes.update(reader(custom, omissions))
        elif key not in _NEUTRAL_CUSTOM and not _is_off(value):
            omissions.add("fieldOption", f"custom.{key}")
    return changes


def _is_off(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_off(inner) for inner in value.values())
    return value in (None, False, "", 0, "off", "none", "auto", "linear", "text") or value == []


_Reader = Callable[[Json, Omissions], dict[str, object]]


def _plain_text(key: str, field: str) -> _Reader:
    return lambda body, omissions: {field: text(body, key)}


def _plain_number(key: str, field: str) -> _Reader:
    return lambda body, omissions: {field: number(body, key)}


def _choice(key: str, field: str) -> _Reader:
    """One of the values that Style names for `field`; others are reported."""

    def read(body: Json, omissions: Omissions) -> dict[str, object]:
        value = text(body, key)
        if value in get_args(_HINTS[field]):
            return {field: value}
        omissions.add("fieldOption", f"custom.{key}={value}")
        return {}

    return read


def _decimals(body: Json, omissions: Omissions) -> dict[str, object]:
    return {"decimals": None if number(body, "decimals") is None else integer(body, "decimals", 0, 0, 15)}


def _color(body: Json, omissions: Omissions) -> dict[str, object]:
    chosen = child(body, "color")
    mode = text(chosen, "mode")
    if mode.startswith("continuous-"):
        omissions.add("fieldOption", f"color.mode={mode}")
        mode = "palette-classic"
    return {"color_mode": mode, "color": color(chosen, "fixedColor")}


def _thresholds(body: Json, omissions: Omissions) -> dict[str, object]:
    config = child(body, "thresholds")
    steps = tuple(Step(value=number(one, "value"), color=color(one, "color")) for one in children(config, "steps", 50))
    mode = "percentage" if text(config, "mode") == "percentage" else "absolute"
    return {"thresholds": steps, "threshold_mode": mode}


def _links(body: Json, omissions: Omissions) -> dict[str, object]:
    return {"links": read_links(body, "links", omissions)}


def read_links(body: Json, key: str, omissions: Omissions) -> tuple[Link, ...]:
    """Data links and panel links; only http(s) addresses, paths and variables may be followed."""
    found = []
    for one in children(body, key, 50):
        url = text(one, "url")
        if not is_safe(url):
            omissions.add("link", url)
            continue
        found.append(Link(title=text(one, "title"), url=url, new_tab=flag(one, "targetBlank")))
    return tuple(found)


def is_safe(url: str) -> bool:
    """Whether following the link can run no script: a path of ours, or http(s)."""
    head = url.strip().lower()
    return head.startswith(("http://", "https://", "/", "?", "#", "${", "d/"))


def _mappings(body: Json, omissions: Omissions) -> dict[str, object]:
    found: list[Mapping] = []
    for one in children(body, "mappings", 200):
        kind, options = text(one, "type"), child(one, "options")
        if kind == "value":
            found += [_mapping("value", child(options, key), match=key) for key in list(options)[:200]]
        elif kind == "range":
            result = child(options, "result")
            found.append(_mapping("range", result, low=number(options, "from"), high=number(options, "to")))
        elif kind == "regex":
            found.append(_mapping("regex", child(options, "result"), match=text(options, "pattern")))
        elif kind == "special":
            found.append(_mapping("special", child(options, "result"), match=text(options, "match")))
        else:
            omissions.add("mapping", kind or f"type {one.get('type')}")
    return {"mappings": tuple(found)}


def _mapping(kind: Any, result: Json, match: str = "", low: float | None = None, high: float | None = None) -> Mapping:
    shown = result.get("text")
    return Mapping(
        kind=kind, match=match, low=low, high=high, color=color(result, "color"),
        text=shown if isinstance(shown, str) else None,
    )  # fmt: skip


def _stacking(body: Json, omissions: Omissions) -> dict[str, object]:
    mode = text(child(body, "stacking"), "mode", "none")
    if mode in ("none", "normal", "percent"):
        return {"stacking": mode}
    omissions.add("fieldOption", f"custom.stacking={mode}")
    return {}


def _scale(body: Json, omissions: Omissions) -> dict[str, object]:
    scale = child(body, "scaleDistribution")
    kind = text(scale, "type", "linear")
    if kind not in ("linear", "log"):
        omissions.add("fieldOption", f"custom.scaleDistribution={kind}")
    return {"log_base": integer(scale, "log", 2, 2, 10) if kind == "log" else 0}


def _hide_from(body: Json, omissions: Omissions) -> dict[str, object]:
    hide = child(body, "hideFrom")
    return {"hidden": flag(hide, "viz"), "hide_legend": flag(hide, "legend")}


def _cell(body: Json, omissions: Omissions) -> dict[str, object]:
    kind = text(child(body, "cellOptions"), "type", "auto")
    if kind in ("auto", "color-text", "color-background", "gauge"):
        return {"cell": "" if kind == "auto" else kind}
    omissions.add("fieldOption", f"custom.cellOptions={kind}")
    return {}


def _span_nulls(body: Json, omissions: Omissions) -> dict[str, object]:
    return {"span_nulls": body.get("spanNulls") is True or (number(body, "spanNulls") or 0) > 0}


def _transform(body: Json, omissions: Omissions) -> dict[str, object]:
    value = text(body, "transform")
    if value in ("negative-Y", "constant", ""):
        return {"negative": value == "negative-Y"}
    omissions.add("fieldOption", f"custom.transform={value}")
    return {}


_READERS: dict[str, _Reader] = {
    "unit": _plain_text("unit", "unit"),
    "decimals": _decimals,
    "min": _plain_number("min", "min"),
    "max": _plain_number("max", "max"),
    "displayName": _plain_text("displayName", "display_name"),
    "noValue": _plain_text("noValue", "no_value"),
    "color": _color,
    "thresholds": _thresholds,
    "mappings": _mappings,
    "links": _links,
}
_CUSTOM_READERS: dict[str, _Reader] = {
    "drawStyle": _choice("drawStyle", "draw"),
    "lineWidth": lambda body, omissions: {"line_width": number(body, "lineWidth") or 0},
    "lineInterpolation": _plain_text("lineInterpolation", "line_interpolation"),
    "fillOpacity": lambda body, omissions: {"fill_opacity": number(body, "fillOpacity") or 0},
    "stacking": _stacking,
    "spanNulls": _span_nulls,
    "axisPlacement": _choice("axisPlacement", "axis"),
    "axisLabel": _plain_text("axisLabel", "axis_label"),
    "scaleDistribution": _scale,
    "hideFrom": _hide_from,
    "hidden": lambda body, omissions: {"hidden": flag(body, "hidden")},
    "transform": _transform,
    "width": lambda body, omissions: {"width": integer(body, "width", 0, 0, 2000)},
    "align": _plain_text("align", "align"),
    "cellOptions": _cell,
}
