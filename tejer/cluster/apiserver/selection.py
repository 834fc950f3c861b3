"""Which objects a list or watch is about: label and field selectors, with the fields each kind can be selected by."""

from __future__ import annotations

from typing import NamedTuple

from tejer.cluster.apiserver import errors
from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.kube.resource import Body
from tejer.kube.selectors import FieldSelector, LabelSelector, parse_field_selector, parse_label_selector

_EVERY_KIND = ("metadata.name", "metadata.namespace")
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    ("", "events"): (
        *(f"involvedObject.{field}" for field in _INVOLVED), "reason", "reportingComponent", "source", "type",
    ),
    ("", "secrets"): ("type",),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("apps", "replicasets"): ("status.replicas",),
}  # fmt: skip
"""Source: the `AddFieldLabelConversionFunc` calls of Kubernetes' `pkg/apis/*/v1/conversion.go`."""


class Selection(NamedTuple):
    labels: LabelSelector = LabelSelector()
    fields: FieldSelector = FieldSelector()

    def matches(self, body: Body) -> bool:
        return (not self.labels.requirements or self.labels.matches(body["metadata"].get("labels"))) and (
            not self.fields.terms or self.fields.matches_body(body)
        )

    @property
    def is_everything(self) -> bool:
        return not self.labels.requirements and not self.fields.terms


EVERYTHING = Selection()


def parse_selection(defn: Definition, labels: str, fields: str) -> Selection:
    """Raises ApiError 400 for what can't be read or is no field this kind can be selected by."""
    if not labels and not fields:
        return EVERYTHING
    try:
        selection = Selection(parse_label_selector(labels), parse_field_selector(fields))
    except ValueError as error:
        raise errors.bad_request(str(error)) from error
    known = {*_EVERY_KIND, *FIELDS.get((defn.group, defn.rtype.plural), ())}
    known.update(path.lstrip(".") for path in defn.selectable_fields)
    for term in selection.fields.terms:
        if term.field not in known:
            raise errors.bad_request(f"field label not supported: {term.field}")
    return selection
