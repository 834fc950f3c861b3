"""What is refused, and with which words. Cases as Kubernetes 1.33 answers them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tejer.cluster.apiserver.machinery.definition import Definition
from tejer.cluster.apiserver.machinery.prepare import prepare_update
from tejer.cluster.apiserver.machinery.validate import validate
from tejer.kube.api import ApiError
from tejer.kube.resource import Body

Kinds = dict[str, Definition]
Create = Callable[..., Body]


def pod(**container: Any) -> Body:
    return {
        "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b:1", **container}]}
    }  # fmt: skip


def deployment(spec: Body | None = None, **template: Any) -> Body:
    made: Body = {"containers": [{"name": "a", "image": "b:1"}], **template}
    return {
        "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": made},
            **(spec or {}),
        },
    }  # fmt: skip


def service(*ports: Body, **spec: Any) -> Body:
    return {"kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": list(ports), **spec}}


def claim(**spec: Any) -> Body:
    good = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {**good, **spec}}


def causes(create: Create, body: Body, **more: Any) -> list[str]:
    with pytest.raises(ApiError) as error:
        create(body, **more)
    assert (error.value.code, error.value.reason) == (422, "Invalid")
    return [f"{cause['field']}: {cause['message']}" for cause in error.value.details["causes"]]


def endpoint_slice(address: str) -> Body:
    meta: Body = {"name": "e"}
    return {"kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4", "endpoints": [{"addresses": [address]}]}


CASES: dict[str, tuple[Body, str]] = {
    "no name": (
        {"kind": "ConfigMap", "metadata": {}},
        "metadata.name: Required value: name or generateName is required",
    ),
    "bad label": (
        {"kind": "ConfigMap", "metadata": {"name": "c", "labels": {"a": "b c"}}},
        'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric '
        "characters, '-', '_' or '.', and must start and end with an alphanumeric character "
        "(e.g. 'MyValue',  or 'my_value',  or '12345', "
        "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ),
    "no image": (pod(image=""), "spec.containers[0].image: Required value"),
    "no containers": (
        {"kind": "Pod", "metadata": {"name": "p"}, "spec": {}},
        "spec.containers: Required value",
    ),
    "bad container port": (
        pod(ports=[{"containerPort": 70000}]),
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ),
    "bad pull policy": (
        pod(imagePullPolicy="Sometimes"),
        'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: '
        '"Always", "IfNotPresent", "Never"',
    ),
    "unknown volume": (
        pod(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
    "probe without handler": (
        pod(livenessProbe={"periodSeconds": 1}),
        "spec.containers[0].livenessProbe: Required value: must specify a handler type",
    ),
    "value and valueFrom": (
        pod(env=[{"name": "E", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
    ),
    "request above limit": (
        pod(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ),
    "selector misses the template": (
        deployment({"selector": {"matchLabels": {"app": "other"}}}),
        'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ),
    "no selector": (deployment({"selector": None}), "spec.selector: Required value"),
    "negative replicas": (
        deployment({"replicas": -1}),
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ),
    "restart policy of a deployment": (
        deployment(restartPolicy="Never"),
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    "unknown strategy": (
        deployment({"strategy": {"type": "Rolling"}}),
        'spec.strategy.type: Unsupported value: "Rolling": supported values: "Recreate", "RollingUpdate"',
    ),
    "nothing may move": (
        deployment({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}),
        "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ),
    "no service ports": (service(), "spec.ports: Required value"),
    "unnamed ports": (service({"port": 1, "name": "a"}, {"port": 2}), "spec.ports[1].name: Required value"),
    "port zero": (
        service({"port": 0}),
        "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ),
    "duplicate port": (
        service({"port": 1, "name": "a"}, {"port": 1, "name": "b"}),
        'spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}',
    ),
    "node port of a cluster ip": (
        service({"port": 1, "nodePort": 30000}),
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ),
    "service type": (
        service({"port": 1}, type="Internal"),
        'spec.type: Unsupported value: "Internal": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
        '"NodePort"',
    ),
    "external name": (service(type="ExternalName"), "spec.externalName: Required value"),
    "config key": (
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a b": "1"}},
        'data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '
        "'-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', "
        "regex used for validation is '[-._a-zA-Z0-9]+')",
    ),
    "tls secret": (
        {"kind": "Secret", "metadata": {"name": "s"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "YQ=="}},
        "data[tls.key]: Required value",
    ),
    "claim without size": (claim(resources={}), "spec.resources[storage]: Required value"),
    "claim without mode": (
        claim(accessModes=[]), "spec.accessModes: Required value: at least 1 access mode is required",
    ),
    "role without verbs": (
        {"kind": "Role", "metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]},
        "rules[0].verbs: Required value: verbs must contain at least one value",
    ),
    "account without namespace": (
        {
            "kind": "ClusterRoleBinding", "metadata": {"name": "r"},
            "roleRef": {"kind": "ClusterRole", "name": "x", "apiGroup": "rbac.authorization.k8s.io"},
            "subjects": [{"kind": "ServiceAccount", "name": "sa"}],
        },
        "subjects[0].namespace: Required value",
    ),
    "webhook without sides": (
        {
            "kind": "MutatingWebhookConfiguration", "metadata": {"name": "m"},
            "webhooks": [
                {"name": "a.b.c", "clientConfig": {"url": "https://x/y"}, "admissionReviewVersions": ["v1"]},
            ],
        },
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
    ),
    "slice without type": (
        {"kind": "EndpointSlice", "metadata": {"name": "e"}, "endpoints": []},
        "addressType: Required value",
    ),
    "slice that leads to the caller": (
        endpoint_slice("127.0.0.1"),
        'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range '
        "(127.0.0.0/8, ::1/128)",
    ),
    "slice of the link": (
        endpoint_slice("169.254.169.254"),
        'endpoints[0].addresses[0]: Invalid value: "169.254.169.254": may not be in the link-local range '
        "(169.254.0.0/16, fe80::/10)",
    ),
    "slice of nobody": (
        endpoint_slice("0.0.0.0"),
        'endpoints[0].addresses[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refused_with_the_words_of_kubernetes(create: Create, case: str) -> None:
    body, wanted = CASES[case]
    assert causes(create, body) == [wanted]


@pytest.mark.parametrize(
    "body",
    [
        pod(),
        deployment(),
        deployment({"strategy": {"type": "Recreate"}}),
        service({"port": 80}),
        service(clusterIP="None"),
        service(type="ExternalName", externalName="example.com"),
        claim(),
        {"kind": "EndpointSlice", "metadata": {"name": "e"}, "addressType": "IPv4"},
        {"kind": "ClusterRole", "metadata": {"name": "a:b"}, "rules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}]},
    ],
    ids=lambda body: body["kind"],
)
def test_good_objects_pass(create: Create, body: Body) -> None:
    create(body)


def test_all_mistakes_are_told_at_once(create: Create) -> None:
    with pytest.raises(ApiError) as error:
        create(pod(image="", ports=[{"containerPort": 0}]))
    assert error.value.message == (
        'Pod "p" is invalid: [spec.containers[0].image: Required value, '
        "spec.containers[0].ports[0].containerPort: Required value]"
    )


def update(kinds: Kinds, now: datetime, old: Body, change: Callable[[Body], None]) -> list[str]:
    new = copy.deepcopy(old)
    change(new)
    defn = kinds[old["kind"]]
    prepared = prepare_update(defn, old, new, now=now).body
    try:
        validate(defn, prepared, old)
    except ApiError as error:
        return [f"{cause['field']}: {cause['message']}" for cause in error.details["causes"]]
    return []


def test_what_an_update_may_not_change(kinds: Kinds, now: datetime, create: Create) -> None:
    web = create(deployment())

    def select_others(body: Body) -> None:
        body["spec"]["selector"] = {"matchLabels": {"app": "x"}}
        body["spec"]["template"]["metadata"] = {"labels": {"app": "x"}}

    (immutable,) = update(kinds, now, web, select_others)
    assert immutable == 'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable'
    running = create(pod())
    assert update(kinds, now, running, lambda b: b["spec"]["containers"][0].update(image="b:2")) == []
    (refused,) = update(kinds, now, running, lambda b: b["spec"]["containers"][0].update(command=["x"]))
    assert refused.startswith("spec: Forbidden: pod updates may not change fields other than")
    assert update(kinds, now, running, lambda b: b["spec"].update(nodeName="n")) == []


def test_immutable_data_stays(kinds: Kinds, now: datetime, create: Create) -> None:
    frozen = create({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}, "immutable": True})
    text = "data: Forbidden: field is immutable when `immutable` is set"
    assert update(kinds, now, frozen, lambda b: b["data"].update(a="2")) == [text]


def test_role_references_stay(kinds: Kinds, now: datetime, create: Create) -> None:
    body: Body = {"kind": "RoleBinding", "metadata": {"name": "r"}, "roleRef": {"kind": "Role", "name": "x"}}
    bound = create(body)
    (refused,) = update(kinds, now, bound, lambda b: b["roleRef"].update(name="y"))
    assert refused.endswith("cannot change roleRef")


def test_duplicate_env_warns(kinds: Kinds, create: Create) -> None:
    made = create(pod(env=[{"name": "E", "value": "1"}, {"name": "E", "value": "2"}]))
    assert validate(kinds["Pod"], made) == (
        'spec.containers[0].env[1]: hides previous definition of "E", which may be dropped when using apply',
    )


INCOMPLETE = (
    '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; '
    "correct the existing errors to complete validation"
)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, ["spec.size: Required value", INCOMPLETE]),
        (
            {"size": "big"},
            ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"', INCOMPLETE],
        ),
        (
            {"size": 0},
            ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1", INCOMPLETE],
        ),
        (
            {"size": 1, "color": "green"},
            ['spec.color: Unsupported value: "green": supported values: "red", "blue"', INCOMPLETE],
        ),
        ({"size": 2, "note": "toolong"}, ["spec.note: Too long: may not be more than 5 bytes", INCOMPLETE]),
        (
            {"size": 2, "note": "A"},
            ["spec.note: Invalid value: \"A\": spec.note in body should match '^[a-z]*$'", INCOMPLETE],
        ),
        (
            {"size": 1, "parts": [{"name": "a"}, {"name": "a"}]},
            ['spec.parts[1]: Duplicate value: {"name":"a"}', INCOMPLETE],
        ),
        (
            {"size": 1, "choice": {"a": "1", "b": "2"}},
            [
                'spec.choice: Invalid value: "": "spec.choice" must validate one and only one schema (oneOf). '
                "Found 2 valid alternatives",
                INCOMPLETE,
            ],
        ),
        ({"size": 1, "note": "x"}, ['spec: Invalid value: "object": a note needs size > 1']),
    ],
    ids=["required", "type", "minimum", "enum", "maxLength", "pattern", "list key", "oneOf", "rule"],
)
def test_custom_resources(create: Create, widget: Definition, spec: Body, wanted: list[str]) -> None:
    assert causes(create, {"metadata": {"name": "w"}, "spec": spec}, defn=widget) == wanted


def test_transition_rules_see_the_old_value(create: Create, widget: Definition, now: datetime) -> None:
    old = create({"metadata": {"name": "w"}, "spec": {"size": 1, "fixed": "a"}}, defn=widget)
    new = prepare_update(widget, old, {**old, "spec": {"size": 1, "fixed": "b"}}, now=now).body
    with pytest.raises(ApiError, match=r'spec\.fixed: Invalid value: "string": is fixed'):
        validate(widget, new, old)


def test_old_mistakes_are_not_blamed_on_a_new_write(create: Create, widget: Definition, now: datetime) -> None:
    old = create({"metadata": {"name": "w"}, "spec": {"size": 1}}, defn=widget)
    old["spec"]["color"] = "green"  # stored before the enum was there
    new = prepare_update(widget, old, {**old, "spec": {**old["spec"], "size": 2}}, now=now).body
    validate(widget, new, old)
