"""CEL expressions of CRDs (`x-kubernetes-validations`) and webhooks (`matchConditions`), with Kubernetes' functions.

Library: `common-expression-language` (Rust). Known gaps of it: optional syntax (`a.?b`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tejer.cluster.apiserver.machinery.celfunctions import FUNCTIONS, format_pattern

_SIZE_CALL = re.compile(r"\bsize\(")
_FORMAT_CALL = re.compile(r"format\.(\w+)\(\)\.validate\(((?:[^()]|\([^()]*\))*)\)(\.hasValue\(\))?")


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of `expression`. Raises ValueError saying why it has none."""
    import cel  # 5 MB: only clusters with rules pay for it

    program = _program(expression)
    context = cel.Context()
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
    import cel

    text = _FORMAT_CALL.sub(_as_match, expression)
    # the library's own size() counts bytes
    return cel.compile(_SIZE_CALL.sub("codePoints(", text))


def _as_match(call: re.Match[str]) -> str:
    """`format.dns1123Label().validate(x).hasValue()`: true when x is no label."""
    pattern = format_pattern(call[1]).replace("\\", "\\\\").replace("'", "\\'")
    return f"(!({call[2]}).matches('{pattern}'))"
