"""Answers: the form the client asked for (object, Table, metadata only) as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.tables import to_table
from tejer.cluster.apiserver.reads import Page
from tejer.kube.resource import Body

_JSON = ("application/json", "*/*", "application/*")
_YAML = ("application/yaml", "application/x-yaml")
_FORMS = {"Table", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"}
_VERSIONS = {"v1", "v1beta1", "v2", "v2beta1"}


class Form(NamedTuple):
    """`kind` "" is the object itself. `media` is the Content-Type of the answer."""

    kind: str = ""
    version: str = "v1"
    media: str = "application/json"


def negotiate(accept: str) -> Form:
    """The first form of the Accept header that we can give. Raises ApiError 406 where there is none."""
    for part in (accept or "*/*").split(","):
        media, *options = (piece.strip() for piece in part.split(";"))
        given = dict(option.split("=", 1) for option in options if "=" in option)
        if media in _JSON and "as" in given:
            if given["as"] in _FORMS and given.get("v") in _VERSIONS:
                return Form(given["as"], given["v"])
        elif media in _JSON:
            return Form()
        elif media in _YAML and "as" not in given:
            # JSON is YAML: only the label differs.
            return Form(media="application/yaml")
    raise errors.not_acceptable()


class Renderer:
    """`query` decides on `includeObject` of Tables."""

    def __init__(self, form: Form, query: Mapping[str, str], now: datetime) -> None:
        self.form, self._now = form, now
        self._include = query.get("includeObject") or "Metadata"

    def one(self, defn: Definition, body: Body) -> Body:
        if body.get("kind") == "Status":
            return body
        if self.form.kind == "Table":
            return self._table(defn, [body], {"resourceVersion": body["metadata"].get("resourceVersion", "")})
        if self.form.kind == "PartialObjectMetadata":
            return self._partial(body)
        return body

    def page(self, defn: Definition, page: Page) -> Body:
        if self.form.kind == "Table":
            return self._table(defn, page.items, page.metadata)
        if self.form.kind.startswith("PartialObjectMetadata"):
            items = [self._partial(item) for item in page.items]
            kind = "PartialObjectMetadataList"
            return {"kind": kind, "apiVersion": self._meta_version, "metadata": page.metadata, "items": items}
        kind = defn.list_kind or defn.rtype.list_kind
        return {"kind": kind, "apiVersion": defn.api_version, "metadata": page.metadata, "items": page.items}

    def event(self, defn: Definition, kind: str, body: Body, *, first: bool) -> dict[str, Any]:
        """One line of a watch. Column definitions go with the first event only."""
        shown = body
        if self.form.kind == "Table" and kind != "ERROR":
            shown = self._table(defn, [body], {"resourceVersion": body["metadata"]["resourceVersion"]}, columns=first)
        elif self.form.kind.startswith("PartialObjectMetadata") and kind != "ERROR":
            shown = self._partial(body)
        return {"type": kind, "object": shown}

    @property
    def _meta_version(self) -> str:
        return f"meta.k8s.io/{self.form.version}"

    def _partial(self, body: Body) -> Body:
        return {"kind": "PartialObjectMetadata", "apiVersion": self._meta_version, "metadata": body["metadata"]}

    def _table(self, defn: Definition, items: list[Body], meta: Body, *, columns: bool = True) -> Body:
        table = to_table(defn, items, include_object=self._include, now=self._now, list_metadata=meta, columns=columns)
        return {**table, "apiVersion": self._meta_version}
