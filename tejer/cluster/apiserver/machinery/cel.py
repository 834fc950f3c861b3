"""CEL expressions of CRDs (`x-kubernetes-validations`) and webhooks (`matchConditions`), with Kubernetes' functions.

Library: `common-expression-language` (Rust). Known gaps of it: optional syntax (`a.?b`).
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import logging
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from tejer.cluster.apiserver.machinery.celfunctions import FUNCTIONS, format_pattern

_SIZE_CALL = re.compile(r"\bsize\(")
# Kubernetes escapes property names that CEL cannot spell; the library takes reserved words as they are.
_RESERVED_NAME = re.compile(
    r"\b__(as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)__\b"
)
_ESCAPED_NAME = re.compile(r"\.(\w*__(?:dash|dot|slash|underscores)__\w*)")
_FORMAT_CALL = re.compile(r"format\.(\w+)\(\)\.validate\(((?:[^()]|\([^()]*\))*)\)(\.hasValue\(\))?")


@cache
def _library() -> Any:
    """The Rust extension alone: the package around it imports a terminal UI (1.2 s, 40 MB)."""
    package = importlib.util.find_spec("cel")
    assert package is not None and package.origin is not None, "common-expression-language is a dependency"
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    path = next(
        p for p in Path(package.origin).parent.iterdir() if p.name.startswith("cel.") and p.name.endswith(suffixes)
    )
    spec = importlib.util.spec_from_file_location("cel.cel", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # An expression that fails is an answer; the library would print each on stderr too.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    return module


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of `expression`. Raises ValueError saying why it has none."""
    program = _program(expression)
    context = _library().Context()
    for name in program.functions():
        function = FUNCTIONS.get(name)
        if function is not None:
            context.add_function(name, function)
    for name, value in variables.items():
        context.add_variable(name, value)
    try:
        return program.execute(context)
    except KeyError as error:
        raise ValueError(f"no such key: {str(error).strip(chr(39))}") from error
    except (RuntimeError, TypeError, ArithmeticError, IndexError) as error:
        raise ValueError(str(error)) from error


def compile_problem(expression: str) -> str:
    """Why `expression` is no CEL, or ""."""
    try:
        _program(expression)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=1024)
def _program(expression: str) -> Any:
    text = _FORMAT_CALL.sub(_as_match, expression)
    text = _ESCAPED_NAME.sub(_unescaped, _RESERVED_NAME.sub(r"\1", text))
    # the library's own size() counts bytes
    return _library().compile(_SIZE_CALL.sub("codePoints(", text))


def _unescaped(member: re.Match[str]) -> str:
    """`.a__dash__b` as `["a-b"]`."""
    name = member[1].replace("__dash__", "-").replace("__dot__", ".").replace("__slash__", "/")
    return f'["{name.replace("__underscores__", "__")}"]'


def _as_match(call: re.Match[str]) -> str:
    """`format.dns1123Label().validate(x).hasValue()`: true when x is no label."""
    pattern = format_pattern(call[1]).replace("\\", "\\\\").replace("'", "\\'")
    return f"(!({call[2]}).matches('{pattern}'))"
