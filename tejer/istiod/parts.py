"""The parts of istiod that are pure, fitted to what `Istiod` takes: translation, injection, checks."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from tejer.istiod.app import Istiod
from tejer.istiod.checks.admission import admit
from tejer.istiod.inject.config import InjectConfig, InjectRequest
from tejer.istiod.inject.configmaps import inject_config
from tejer.istiod.inject.inject import inject_pod
from tejer.istiod.inject.patch import diff
from tejer.istiod.model.view import ProxyView
from tejer.istiod.options import Options
from tejer.istiod.translate.render import render
from tejer.istiod.translate.rendered import Memo
from tejer.istiod.webhooks import Injection
from tejer.istiod.xds.protocol import Snapshot
from tejer.kube.api import Api
from tejer.kube.problem import Problem
from tejer.kube.resource import Body, Key, metadata

SNAPSHOTS = 512
"""Workloads whose last snapshot is kept for the next replica that has an equal view."""
SWEEP_AFTER = 1000
"""Renders after which bytes that nobody used meanwhile are forgotten."""


def make_istiod(options: Options, api: Api) -> Istiod:
    translator = Translator()
    injector = Injector(options)
    istiod = Istiod(
        options, api, render=translator, inject=injector, validate=admit, parse_yaml=parse_yaml
    )  # fmt: skip
    injector.objects = istiod.objects
    translator.problems = istiod.render_problems
    return istiod


class Translator:
    """`render` with its memory: equal parts are the same bytes, and equal views (replicas) the same snapshot."""

    def __init__(self) -> None:
        self.memo = Memo()
        self.problems: dict[tuple[str, ...], tuple[Problem, ...]] = {}
        self._known: OrderedDict[tuple[str, ...], tuple[ProxyView, Snapshot]] = OrderedDict()
        self._renders = 0

    def __call__(self, view: ProxyView) -> Snapshot:
        workload = (view.type, view.namespace, view.subject.workload, view.subject.version, view.own_address)
        known = self._known.get(workload)
        if known is not None and (known[0] is view or known[0] == view):
            return known[1]
        rendered = render(view, self.memo)
        snapshot = _keep(known[1] if known else {}, rendered.resources)
        self._known[workload] = (view, snapshot)
        self._known.move_to_end(workload)
        if len(self._known) > SNAPSHOTS:
            self.problems.pop(self._known.popitem(last=False)[0], None)
        self.problems[workload] = rendered.problems
        self._renders += 1
        if self._renders % SWEEP_AFTER == 0:
            self.memo.sweep()
        return snapshot


def _keep(old: Snapshot, new: Snapshot) -> Snapshot:
    """`new`, with the very objects of `old` for the types that are as they were: nobody needs to compare those."""
    return {url: held if (held := old.get(url)) == resources else resources for url, resources in new.items()}


class Injector:
    """Injection as the webhook calls it, with the settings of ConfigMaps `istio` and `istio-sidecar-injector`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.objects: Mapping[str, Mapping[Key, Body]] = {}
        self._config: tuple[Body | None, Body | None, InjectConfig] | None = None

    def __call__(self, pod: Body, namespace: str) -> Injection:
        request = InjectRequest(
            pod=pod,
            namespace=namespace,
            config=self.config(),
            namespace_annotations=self._namespace(namespace).get("annotations") or {},
        )
        injected = inject_pod(request)
        if injected is None:
            return Injection(why="the pod, or the mesh, wants none")
        return Injection(diff(pod, injected.pod), injected.warnings)

    def _namespace(self, name: str) -> Body:
        body = self.objects.get("namespaces", {}).get(Key("", "namespaces", "", name))
        return metadata(body) if body else {}

    def config(self) -> InjectConfig:
        """Read again when one of the ConfigMaps has changed. Raises ValueError when one can't be read."""
        injector, mesh = self._body("injector"), self._body("meshconfig")
        if self._config is None or self._config[0] is not injector or self._config[1] is not mesh:
            options = self.options
            made = inject_config(injector, mesh, parse_yaml, revision=options.revision, cluster=options.cluster)
            self._config = (injector, mesh, made)
        return self._config[2]

    def _body(self, name: str) -> Body | None:
        return next(iter(self.objects.get(name, {}).values()), None)


def parse_yaml(text: str) -> Any:
    """YAML 1.2 as JSON-like values. Raises ValueError."""
    from ruamel.yaml import YAML  # only a mesh that has settings pays for it
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(io.StringIO(text))
    except YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None
