"""Relabelling: the steps by which a configuration rewrites, keeps or drops a set of labels. Pure.

Source: prometheus/model/relabel/relabel.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from tejer.observe.metrics.config import LABEL_NAME, RelabelConfig
from tejer.observe.metrics.scalars import expand


def relabel(labels: Mapping[str, str], steps: Sequence[RelabelConfig]) -> dict[str, str] | None:
    """The labels after all `steps`, or None where one of them drops the set. An absent label reads as "".

    Raises ValueError where an expression can't be matched with a label: too long, or too slow.
    """
    current = dict(labels)
    for step in steps:
        if not _apply(current, step):
            return None
    return current


def _apply(labels: dict[str, str], step: RelabelConfig) -> bool:
    """One step on `labels` in place; False drops the set."""
    text = step.separator.join([labels.get(name, "") for name in step.source_labels])
    target = str(step.target_label)
    match step.action:
        case "replace":
            _replace(labels, step, text)
        case "keep":
            return step.regex.match(text) is not None
        case "drop":
            return step.regex.match(text) is None
        case "keepequal":
            return labels.get(target, "") == text
        case "dropequal":
            return labels.get(target, "") != text
        case "hashmod":
            digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
            labels[target] = str(int.from_bytes(digest[8:], "big") % step.modulus)
        case "lowercase":
            _set(labels, target, text.lower())
        case "uppercase":
            _set(labels, target, text.upper())
        case "labelmap":
            for name, value in list(labels.items()):
                if found := step.regex.match(name):
                    _set(labels, expand(step.replacement, found), value)
        case "labeldrop":
            for name in [name for name in labels if step.regex.match(name)]:
                del labels[name]
        case "labelkeep":
            for name in [name for name in labels if not step.regex.match(name)]:
                del labels[name]
    return True


def _replace(labels: dict[str, str], step: RelabelConfig, text: str) -> None:
    found = step.regex.match(text)
    if found is None:
        return
    target = expand(step.target_label, found)
    if LABEL_NAME.fullmatch(target):
        _set(labels, target, expand(step.replacement, found))


def _set(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)
