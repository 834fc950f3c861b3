"""The YAML writer: what it writes is read back as it was, by our reader and by a library's in both YAML versions."""

from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tejer.kube.dump import to_yaml
from tejer.kube.manifest import load_text

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029\ufeff\x7f"), max_size=30)
KEYS = TEXTS.filter(lambda key: key != "<<")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


def read_back(value: Any, version: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    return yaml.load(StringIO(f"%YAML {version}\n---\n{to_yaml(value)}"))


@given(VALUES)
def test_values_are_read_back(value: Any) -> None:
    assert read_back(value, "1.2") == value
    (document,) = load_text(to_yaml({"value": value}), strict=False)
    assert document.body == {"value": value}


@pytest.mark.parametrize(
    "text", ["yes", "off", "y", "1:30", "2026-01-01", "0644", "1e3", "~", "null", "", "0x1f", "+1"]
)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_ambiguous_texts_are_quoted(text: str, version: str) -> None:
    assert read_back({text: [text]}, version) == {text: [text]}
    assert to_yaml([text]) == f"- '{text}'\n"


def test_the_form_is_kubernetes() -> None:
    value = {"a": {"b": [1, {"c": "x: y", "d": []}], "e": {}}, "text": "one\ntwo\n", "url": "http://a/b"}
    assert to_yaml(value) == (
        "a:\n  b:\n  - 1\n  - c: 'x: y'\n    d: []\n  e: {}\ntext: |\n  one\n  two\nurl: http://a/b\n"
    )
    assert to_yaml({"a": "one\ntwo"}) == "a: |-\n  one\n  two\n"
