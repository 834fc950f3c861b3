"""What an API server with the mesh installed would say to an object, without one: schema, CEL rules, webhook."""

from __future__ import annotations

from tejer.cluster.apiserver.machinery.celrules import check_rules
from tejer.cluster.apiserver.machinery.structural import check_schema
from tejer.istiod.checks.admission import admit
from tejer.istiod.checks.validation import errors
from tejer.istiod.checks.workloads import validate_workload
from tejer.kube.crds import KINDS, object_schema
from tejer.kube.problem import Problem, Severity
from tejer.kube.resource import Body
from tejer.kube.types import find_type


def check_object(body: Body, istio_namespace: str = "istio-system") -> list[Problem]:
    """All problems of one object. The webhook's words come first; the schema's only where the webhook has none."""
    return [*check_mesh_object(body), *validate_workload(body, istio_namespace)]


def check_mesh_object(body: Body) -> list[Problem]:
    """The problems of one of Istio's objects; none for other kinds."""
    problems = admit(body)
    return problems if errors(problems) else [*problems, *schema_problems(body)]


def schema_problems(body: Body) -> list[Problem]:
    """What the CRD of an Istio object's kind refuses; nothing for other kinds."""
    rtype = find_type(str(body.get("apiVersion", "")), str(body.get("kind", "")))
    kinds = {(known.group, known.kind): kind for known, kind in KINDS}
    kind = kinds.get((rtype.group, rtype.kind)) if rtype is not None else None
    if kind is None:
        return []
    schema = object_schema(kind)
    causes = check_schema(schema, body) or check_rules(schema, body)
    return [Problem(severity=Severity.ERROR, field=cause.field, message=cause.message) for cause in causes]
