"""What an API server with the mesh installed would say to an object, without one: schema, CEL rules, webhook."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from tejer.cluster.apiserver.machinery.celrules import check_rules
from tejer.cluster.apiserver.machinery.definition import Definition, crd_definitions
from tejer.cluster.apiserver.machinery.objectmeta import check_metadata
from tejer.cluster.apiserver.machinery.structural import check_schema
from tejer.istiod.checks.admission import admit
from tejer.istiod.checks.validation import errors, on_one_line
from tejer.istiod.checks.workloads import validate_workload
from tejer.kube.crds import KINDS, crd, object_schema
from tejer.kube.kinds.base import Kind
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body
from tejer.kube.types import find_type

_BY_TYPE = {(rtype.group, rtype.kind): kind for rtype, kind in KINDS}


def check_object(body: Body, istio_namespace: str = "istio-system") -> list[Problem]:
    """All problems of one object."""
    return [*check_mesh_object(body), *validate_workload(body, istio_namespace)]


def check_mesh_object(body: Body) -> list[Problem]:
    """The problems of one of Istio's objects; none for other kinds."""
    problems = admit(body)
    return [*problems, *beyond_webhook(body, problems)]


def beyond_webhook(body: Body, problems: Sequence[Problem]) -> list[Problem]:
    """What only the API server refuses, of a place that the webhook's `problems` do not already speak of."""
    said = [problem.field for problem in errors(list(problems))]
    return [
        problem
        for problem in (*schema_problems(body), *metadata_problems(body))
        if not any(on_one_line(problem.field, field) or _is_missed(problem, field) for field in said)
    ]


def _is_missed(problem: Problem, field: str) -> bool:
    """Whether a required field is absent where another of the same object is wrong: it is likely to be that one."""
    return problem.message.startswith("Required") and problem.field.rpartition(".")[0] == field.rpartition(".")[0]


def metadata_problems(body: Body) -> list[Problem]:
    """Names, labels and annotations of an Istio object that no API server takes. The namespace may come later."""
    rtype = find_type(str(body.get("apiVersion", "")), str(body.get("kind", "")))
    if rtype is None or (rtype.group, rtype.kind) not in _BY_TYPE:
        return []
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        return [Problem(severity=Severity.ERROR, field="metadata", message="expected an object with a name")]
    wrong = [
        Problem(severity=Severity.ERROR, field=f'metadata.{name}["{key}"]', message="expected a string",
                hint=f'write it in quotes: "{value}"')
        for name in ("labels", "annotations")
        for key, value in _mapping(metadata.get(name)).items()
        if not isinstance(value, str)
    ]  # fmt: skip
    if wrong:
        return wrong
    named = {"namespace": "default", **metadata}
    if metadata.get("generateName"):
        named.setdefault("name", f"{metadata['generateName']}x")
    causes = check_metadata(_definition(rtype.group, rtype.kind), named)
    return [Problem(severity=Severity.ERROR, field=cause.field, message=cause.message) for cause in causes]


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


@cache
def _definition(group: str, kind: str) -> Definition:
    rtype = next(known for known, _ in KINDS if (known.group, known.kind) == (group, kind))
    return crd_definitions(crd(rtype, _BY_TYPE[group, kind]))[0]


def schema_problems(body: Body) -> list[Problem]:
    """What the CRD of an Istio object's kind refuses; nothing for other kinds."""
    rtype = find_type(str(body.get("apiVersion", "")), str(body.get("kind", "")))
    kind = _BY_TYPE.get((rtype.group, rtype.kind)) if rtype is not None else None
    if kind is None:
        return []
    schema = _schema(kind)
    causes = check_schema(schema, body) or check_rules(schema, body)
    return [Problem(severity=Severity.ERROR, field=cause.field, message=cause.message) for cause in causes]


@cache
def _schema(kind: type[Kind]) -> dict[str, Any]:
    return object_schema(kind)
