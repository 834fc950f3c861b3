"""WasmPlugin and TrafficExtension. Source: Istio's pkg/config/validation/validation.go, ValidateWasmPlugin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tejer.istiod.checks import texts
from tejer.istiod.checks.report import Report
from tejer.istiod.checks.rules.common import add, check_targets
from tejer.kube.kinds.istio.traffic_extension import TrafficExtension
from tejer.kube.kinds.istio.wasm_plugin import TrafficSelector, VmConfig, WasmPlugin
from tejer.kube.resource import Body

SCHEMES = ("", "http", "https", "oci", "file")
MAX_LUA = 65536


def check_wasm_plugin(value: WasmPlugin, _: Body, report: Report) -> None:
    spec = value.spec
    check_targets(spec.selector, spec.target_ref, spec.target_refs, report)
    check_wasm(spec.url, spec.sha256, spec.vm_config, report)
    _check_match(spec.match, report)


def check_traffic_extension(value: TrafficExtension, _: Body, report: Report) -> None:
    spec = value.spec
    check_targets(spec.selector, None, spec.target_refs, report)
    if (spec.wasm is None) == (spec.lua is None):
        report.error("exactly one of wasm or lua must be set")
    if spec.wasm is not None:
        check_wasm(spec.wasm.url, spec.wasm.sha256, spec.wasm.vm_config, report.at("wasm"))
    if spec.lua is not None:
        size = len(spec.lua.inline_code.encode())
        if not size or size > MAX_LUA:
            report.error(f"must have 1 to {MAX_LUA} bytes, not {size}", "lua", "inlineCode")
    _check_match(spec.match, report)


def check_wasm(url: str, sha256: str, vm: VmConfig | None, report: Report) -> None:
    """The source of a Wasm module and its environment."""
    if not url:
        report.error("url field needs to be set", "url")
    else:
        scheme = urlsplit(url).scheme if "://" in url else ""
        if scheme not in SCHEMES:
            report.error(f"unsupported scheme {scheme!r}: use http, https, oci or file", "url")
    if sha256:
        if len(sha256) != 64:
            report.error("sha256 field must be 64 characters long", "sha256")
        elif not re.fullmatch("[a-f0-9]{64}", sha256):
            report.error("sha256 field must match [a-f0-9]{64} pattern", "sha256")
    seen: set[str] = set()
    for index, variable in enumerate(vm.env if vm is not None else ()):
        if not variable.name:
            report.error("spec.vmConfig.env invalid: a variable must have a name", "vmConfig", "env", index, "name")
        elif variable.name in seen:
            report.error(f"duplicate env {variable.name}", "vmConfig", "env", index)
        if variable.value_from == "HOST" and variable.value:
            report.error("must not be set when valueFrom is HOST", "vmConfig", "env", index, "value")
        seen.add(variable.name)


def _check_match(match: Sequence[TrafficSelector], report: Report) -> None:
    for index, selector in enumerate(match):
        for position, port in enumerate(selector.ports):
            add(report, texts.port_problem(port.number), "match", index, "ports", position, "number")
