"""What these tests share: the built-in definitions by kind, a fixed clock, and one write as the server does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tejer.cluster.apiserver.machinery.definition import Definition, builtin_definitions, crd_definitions
from tejer.cluster.apiserver.machinery.prepare import prepare_create
from tejer.cluster.apiserver.machinery.validate import validate
from tejer.kube.resource import Body

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Create = Callable[..., Body]


@pytest.fixture(scope="session")
def kinds() -> dict[str, Definition]:
    return {defn.kind: defn for defn in builtin_definitions()}


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def create(kinds: dict[str, Definition]) -> Create:
    """Prepare and validate, as a POST does: returns the object that would be stored."""

    def run(body: Body, *, strict: str = "Strict", defn: Definition | None = None) -> Body:
        chosen = defn or kinds[body["kind"]]
        namespace = "default" if chosen.rtype.namespaced else ""
        made = prepare_create(chosen, body, namespace=namespace, now=NOW, field_validation=strict).body
        validate(chosen, made)
        return made

    return run


@pytest.fixture(scope="session")
def widget() -> Definition:
    """A custom kind with a default, a rule, a transition rule, a keyed list, a status and columns."""
    spec_schema: Body = {
        "type": "object",
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 10, "format": "int32"},
            "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
            "note": {"type": "string", "maxLength": 5, "pattern": "^[a-z]*$"},
            "fixed": {
                "type": "string",
                "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is fixed"}],
            },
            "parts": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string"}, "count": {"type": "integer", "default": 1}},
                },
            },
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "choice": {
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            "port": {"x-kubernetes-int-or-string": True},
        },
        "x-kubernetes-validations": [
            {"rule": "!has(self.note) || self.size > 1", "message": "a note needs size > 1"},
        ],
    }
    schema: Body = {
        "type": "object",
        "description": "A widget.",
        "properties": {
            "spec": spec_schema,
            "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
        },
    }
    crd: Body = {
        "metadata": {"name": "widgets.shop.example"},
        "spec": {
            "group": "shop.example",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                        {"name": "First", "type": "string", "jsonPath": ".spec.parts[0].name"},
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                }
            ],
        },
    }
    return crd_definitions(crd)[0]
