"""Objects as YAML text that every reader takes the same way."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import SafeRepresenter

from tejer.kube.manifest import plain_scalar

YAML_1_1_BOOLEANS = frozenset(("y", "n", "yes", "no", "on", "off"))
"""Words that older YAML readers (kubectl's among them) take for booleans where they stand unquoted."""


class _Representer(SafeRepresenter):
    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> Any:
        quoted = data.lower() in YAML_1_1_BOOLEANS or not isinstance(plain_scalar(data), str)
        style = "|" if "\n" in data else "'" if quoted else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Representer.add_representer(str, _Representer.represent_str)
_Representer.add_representer(tuple, _Representer.represent_list)


def to_yaml(value: Any) -> str:
    """One YAML document: keys in their order, long strings unbroken, strings quoted where any YAML reads otherwise."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n")


def to_yaml_documents(values: list[Any]) -> str:
    """Several documents, each after `---`."""
    return "".join(f"---\n{to_yaml(value)}" for value in values)
