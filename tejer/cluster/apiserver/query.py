"""The query string of a request, read as Go reads it."""

from __future__ import annotations

from collections.abc import Mapping

from multidict import MultiMapping

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.deletion import DeleteOptions, parse_delete_options
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.reads import ListOptions
from tejer.cluster.apiserver.selection import parse_selection
from tejer.cluster.apiserver.watches import WatchOptions
from tejer.kube.resource import Body

_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_VALIDATION = ("", "Strict", "Warn", "Ignore")


def flag(query: Mapping[str, str], name: str) -> bool:
    """Go's `strconv.ParseBool`; the Python clients send `True`. A bare `?watch` counts too."""
    value = query.get(name)
    return value in _TRUE or value == ""


def number(query: Mapping[str, str], name: str) -> int:
    value = query.get(name) or "0"
    if not value.isdigit():
        raise errors.bad_request(f"query parameter {name} is {value!r}; it must be a non-negative integer")
    return int(value)


def list_options(defn: Definition, query: Mapping[str, str]) -> ListOptions:
    return ListOptions(
        selection=parse_selection(defn, query.get("labelSelector", ""), query.get("fieldSelector", "")),
        limit=number(query, "limit"),
        token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
    )


def watch_options(defn: Definition, query: Mapping[str, str], name: str = "") -> WatchOptions:
    """`name` is that of a single object, from a path such as `/pods/web?watch=1`."""
    fields = query.get("fieldSelector", "")
    if name:
        fields = f"{fields},metadata.name={name}" if fields else f"metadata.name={name}"
    return WatchOptions(
        selection=parse_selection(defn, query.get("labelSelector", ""), fields),
        resource_version=query.get("resourceVersion", ""),
        bookmarks=flag(query, "allowWatchBookmarks"),
        initial=flag(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
        match=query.get("resourceVersionMatch", ""),
        seconds=number(query, "timeoutSeconds"),
    )


def delete_options(query: MultiMapping[str], body: Body) -> DeleteOptions:
    """The body's options, with the query's where the body has none."""
    given = dict(body)
    if "gracePeriodSeconds" in query:
        given.setdefault("gracePeriodSeconds", number(query, "gracePeriodSeconds"))
    if "propagationPolicy" in query:
        given.setdefault("propagationPolicy", query["propagationPolicy"])
    if "dryRun" in query:
        given.setdefault("dryRun", query.getall("dryRun"))
    return parse_delete_options(given)


def dry_run(query: MultiMapping[str]) -> bool:
    asked = [value for value in query.getall("dryRun", []) if value]
    if any(value != "All" for value in asked):
        raise errors.bad_request(f"dryRun is {asked}; the only value it takes is All")
    return bool(asked)


def field_validation(query: Mapping[str, str]) -> str:
    value = query.get("fieldValidation", "")
    if value not in _VALIDATION:
        raise errors.bad_request(f"fieldValidation {value!r} is none of Strict, Warn, Ignore")
    return value


def field_manager(query: Mapping[str, str], user_agent: str) -> str:
    """The manager named, else the first word of the User-Agent."""
    return query.get("fieldManager") or user_agent.split("/")[0][:128] or "unknown"
