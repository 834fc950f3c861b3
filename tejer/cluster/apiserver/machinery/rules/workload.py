"""Validation of Deployments, ReplicaSets, StatefulSets, DaemonSets and Jobs.

Source: kubernetes `pkg/apis/{apps,batch}/validation`, release 1.33.
"""

from __future__ import annotations

from typing import Any

from tejer.cluster.apiserver.machinery import names
from tejer.cluster.apiserver.machinery.causes import (
    Cause,
    forbidden,
    immutable,
    invalid_value,
    not_supported,
    required,
)
from tejer.cluster.apiserver.machinery.objectmeta import check_annotations, check_labels
from tejer.cluster.apiserver.machinery.rules.pod import check_pod_spec
from tejer.kube.resource import Body
from tejer.kube.selectors import label_selector

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def check_deployment(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    wrong = _check_common(spec, old, "deployment")
    strategy = spec.get("strategy") or {}
    kind = strategy.get("type", "RollingUpdate")
    if kind not in ("Recreate", "RollingUpdate"):
        wrong.append(not_supported("spec.strategy.type", kind, ("Recreate", "RollingUpdate")))
    elif kind == "Recreate" and "rollingUpdate" in strategy:
        text = "may not be specified when strategy `type` is 'Recreate'"
        wrong.append(forbidden("spec.strategy.rollingUpdate", text))
    elif kind == "RollingUpdate":
        wrong += _check_rolling(strategy.get("rollingUpdate") or {}, "spec.strategy.rollingUpdate")
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
    if deadline is not None:
        wrong += _not_negative(deadline, "spec.progressDeadlineSeconds")
        if deadline <= ready:
            wrong.append(
                invalid_value("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
            )
    return wrong


def check_replica_set(body: Body, old: Body | None) -> list[Cause]:
    return _check_common(body.get("spec") or {}, old, "deployment")


def check_stateful_set(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    wrong = _check_common(spec, old, "statefulset")
    if spec.get("podManagementPolicy", "OrderedReady") not in ("OrderedReady", "Parallel"):
        choices = ("OrderedReady", "Parallel")
        wrong.append(not_supported("spec.podManagementPolicy", spec["podManagementPolicy"], choices))
    if old is not None:
        before = old.get("spec") or {}
        mutable = {
            "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "minReadySeconds", "selector",
            "persistentVolumeClaimRetentionPolicy",
        }  # fmt: skip
        changed = {key for key in spec.keys() | before.keys() if spec.get(key) != before.get(key)} - mutable
        if changed:
            text = (
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' "
                "and 'minReadySeconds' are forbidden"
            )
            wrong.append(forbidden("spec", text))
    return wrong


def check_daemon_set(body: Body, old: Body | None) -> list[Cause]:
    return _check_common(body.get("spec") or {}, old, "daemonset")


def check_job(body: Body, old: Body | None) -> list[Cause]:
    spec = body.get("spec") or {}
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    wrong = check_pod_spec(pod, "spec.template.spec")
    if pod.get("restartPolicy") == "Always":
        wrong.append(not_supported("spec.template.spec.restartPolicy", "Always", ("OnFailure", "Never")))
    for key in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if key in spec:
            wrong += _not_negative(spec[key], f"spec.{key}")
    if old is not None:
        before = old.get("spec") or {}
        wrong += [immutable(f"spec.{k}", spec.get(k)) for k in ("template",) if spec.get(k) != before.get(k)]
    return wrong


def _check_common(spec: Body, old: Body | None, what: str) -> list[Cause]:
    """Replicas, selector, template and the selector's immutability."""
    wrong: list[Cause] = []
    for key in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        if spec.get(key) is not None:
            wrong += _not_negative(spec[key], f"spec.{key}")
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector is None:
        wrong.append(required("spec.selector"))
    else:
        wrong += check_label_selector(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            wrong.append(invalid_value("spec.selector", selector, f"empty selector is invalid for {what}"))
        elif not wrong and not label_selector(selector).matches(labels):
            text = "`selector` does not match template `labels`"
            wrong.append(invalid_value("spec.template.metadata.labels", labels, text))
    wrong += check_template(template, "spec.template")
    policy = (template.get("spec") or {}).get("restartPolicy", "Always")
    if policy in ("OnFailure", "Never"):
        wrong.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if old is not None and selector != (old.get("spec") or {}).get("selector"):
        wrong.append(immutable("spec.selector", selector))
    return wrong


def check_template(template: Body, path: str) -> list[Cause]:
    meta = template.get("metadata") or {}
    wrong = check_labels(meta.get("labels") or {}, f"{path}.labels")
    wrong += check_annotations(meta.get("annotations") or {}, f"{path}.annotations")
    return wrong + check_pod_spec(template.get("spec") or {}, f"{path}.spec")


def check_label_selector(selector: Body, path: str) -> list[Cause]:
    wrong = check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, term in enumerate(selector.get("matchExpressions") or ()):
        at = f"{path}.matchExpressions[{index}]"
        operator, values = term.get("operator", ""), term.get("values") or []
        if operator not in _OPERATORS:
            wrong.append(invalid_value(f"{at}.operator", operator, "not a valid selector operator"))
        elif operator in ("In", "NotIn") and not values:
            wrong.append(required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist") and values:
            wrong.append(
                forbidden(f"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
            )
        wrong += [invalid_value(f"{at}.key", term.get("key", ""), t) for t in names.qualified_name(term.get("key", ""))]
    return wrong


def _not_negative(value: int, path: str) -> list[Cause]:
    return [invalid_value(path, value, "must be greater than or equal to 0")] if value < 0 else []


def _check_rolling(rolling: Body, path: str) -> list[Cause]:
    wrong: list[Cause] = []
    for key in ("maxUnavailable", "maxSurge"):
        if key in rolling:
            wrong += _check_share(rolling[key], f"{path}.{key}")
    unavailable, surge = rolling.get("maxUnavailable", "25%"), rolling.get("maxSurge", "25%")
    if not wrong and _is_none(unavailable) and _is_none(surge):
        wrong.append(invalid_value(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    share = unavailable.removesuffix("%") if isinstance(unavailable, str) else ""
    if share.isdigit() and int(share) > 100:
        wrong.append(invalid_value(f"{path}.maxUnavailable", unavailable, "must not be greater than 100%"))
    return wrong


def _check_share(value: Any, path: str) -> list[Cause]:
    if isinstance(value, int):
        return _not_negative(value, path)
    if value.endswith("%") and value[:-1].isdigit():
        return []
    rule = (
        "a valid percent string must be a numeric string followed by an ending '%' "
        "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
    )
    return [invalid_value(path, value, rule)]


def _is_none(value: Any) -> bool:
    return value in (0, "0%")
