"""The YAML loader: Go's readings, positions, Lists, and one clear line for each kind of bad input."""

from pathlib import Path

import pytest

from tejer.kube.manifest import ManifestError, load_bytes, load_paths, load_text, parse_path, plain_scalar

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None), ("true", True), ("yes", "yes"), ("on", "on"), ("0644", 420), ("0x1F", 31), ("12", 12),
        ("0x_", "0x_"), ("1e400", "1e400"), ("18446744073709551616", 18446744073709551616.0), ("0899", 899.0),
        ("-9223372036854775808", -(2**63)), ("0b" + "1" * 2000, "0b" + "1" * 2000),
        ("-5", -5), ("1.5", 1.5), ("1e3", 1000.0), ("1.2.3.4", "1.2.3.4"), ("001:db8::", "001:db8::"),
        ("2020-01-01", "2020-01-01"), ("5s", "5s"), ("089", 89.0), ("1:30", "1:30"),
    ],
)  # fmt: skip
def test_scalars_read_as_in_go(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    (document,) = load_text(f"{OBJECT}values: [{text}, 1]\n")
    assert document.body["values"][0] == value


def test_quoted_scalars_are_strings() -> None:
    (document,) = load_text(OBJECT + "a: '5'\nb: !!str 5\nc: |\n  true\n")
    assert (document.body["a"], document.body["b"], document.body["c"]) == ("5", "5", "true\n")


def test_fields_know_their_line() -> None:
    (document,) = load_text("# first\n" + OBJECT + "spec:\n  http:\n  - timeout: 5s\n    a.b: 1\n", "web.yaml")
    assert document.origin.file == "web.yaml"
    assert document.origin.line == 2
    assert document.line_of("spec.http[0].timeout") == 7
    assert document.line_of('spec.http[0]["a.b"]') == 8
    assert document.line_of("spec.http[0].route[3].weight") == 7
    assert document.line_of("nothing") == 2


def test_paths_parse() -> None:
    assert parse_path('spec.http[1].match["x.y"].z') == ("spec", "http", 1, "match", "x.y", "z")


def test_lists_give_their_items_and_empty_documents_nothing() -> None:
    documents = load_text(f"---\n---\n{OBJECT}---\napiVersion: v1\nkind: List\nitems:\n- kind: A\n  apiVersion: v1\n")
    assert [(d.body["kind"], d.origin.line) for d in documents] == [("ConfigMap", 3), ("A", 10)]
    assert documents[1].line_of("apiVersion") == 11


def test_anchors_and_merge_keys() -> None:
    (document,) = load_text(OBJECT + "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n")
    assert document.body["d"] == {"b": 1, "c": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "f.yaml:1:5: not YAML"),
        ("kind: x\nkind: y", "f.yaml:2:1: 'kind' is set twice"),
        ("- a", "f.yaml:1: expected an object, got a list"),
        ("kind: x", "f.yaml:1: apiVersion is missing"),
        ("a: [1,", "f.yaml:1:7: not YAML"),
        ("\x01a: 1", "f.yaml:1: not YAML"),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be a string"),
    ],
)
def test_bad_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as error:
        load_text(text, "f.yaml")
    assert str(error.value).startswith(message)


def test_bytes_that_are_not_utf8_name_their_place() -> None:
    with pytest.raises(ManifestError, match=r"f:2:4: byte 0xff is not UTF-8"):
        load_bytes(b"a: 1\nb: \xff\n", "f")


def test_an_alias_bomb_is_refused() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))
    with pytest.raises(ManifestError, match="too large"):
        load_text(f"{OBJECT}l0: &l0 [x]\n{levels}\n")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ManifestError, match="too deep"):
        load_text(f"{OBJECT}a: {'[' * 5000}")
    with pytest.raises(ManifestError, match="too deep"):
        load_text(f"{OBJECT}a: {'[' * 300}{']' * 300}")


def test_directories_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(OBJECT)
    (tmp_path / "a.json").write_text('{"apiVersion": "v1", "kind": "A"}')
    (tmp_path / "c.txt").write_text("not read")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.yml").write_text(OBJECT)
    assert [d.body["kind"] for d in load_paths([str(tmp_path)])] == ["A", "ConfigMap"]
    assert len(load_paths([str(tmp_path)], recursive=True)) == 3
