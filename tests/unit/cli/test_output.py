from tejer.cli.output import table
from tejer.kube.dump import to_yaml, to_yaml_documents
from tejer.kube.manifest import load_text


def test_columns_are_aligned_and_the_last_is_not_padded() -> None:
    assert table(("NAME", "X"), [("a", "1"), ("longer", "")]) == "NAME       X\na          1\nlonger"
    assert table(("✔", "X"), [("⛵️", "1")], padding=1).splitlines()[0].startswith("✔")


def test_yaml_is_read_back_as_it_was() -> None:
    value = {
        "apiVersion": "v1", "kind": "X", "yes": "yes", "number": "5", "octal": "0644", "null": "null", "time": "5s",
        "text": "a\nb\n", "list": [{"a": [1, 2.5, True, None]}], "empty": {}, "colon": "a: b", "hash": "# x",
    }  # fmt: skip
    text = to_yaml_documents([value, value])
    assert [document.body for document in load_text(text)] == [value, value]
    assert "'yes': 'yes'" in to_yaml(value)
    assert "text: |\n  a\n  b\n" in to_yaml(value)
