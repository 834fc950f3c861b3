"""ADS conversations, one per file of tests/golden/xds/{delta,sotw}.

snapshot CDS a=1 b=1 | EDS a=1    what the proxy should have when it connects
push CDS a=2 b=1 | EDS a=1        what it should have now
> CDS +a -b had c=1               a delta request: subscribe, unsubscribe, initial_resource_versions
> CDS names a b                   a state-of-the-world request
> CDS ack 2                       (also: ack 2 +a; ack 2 names a b)
> CDS nack 2 some message
< CDS #2 a=2 -b                   what the server sends under nonce 2: resources, removals
! CDS #2 a: some message          a rejection, with the resources held responsible
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tejer.istiod.xds import protocol
from tejer.istiod.xds.delta import DeltaStream
from tejer.istiod.xds.protocol import Command, Differences, Rejected, Request, Snapshot
from tejer.istiod.xds.sotw import SotwStream
from tejer.kube.resource import Key

GOLDEN = Path(__file__).parents[3] / "golden" / "xds"
LONG = {short: url for url, short in protocol.SHORT_NAMES.items()} | {"NDS": "NDS"}
SHORT = {url: short for short, url in LONG.items()}


class Piece(msgspec.Struct, frozen=True):
    name: str
    version: str
    body: bytes = b""
    sources: tuple[Key, ...] = ()


def snapshot(text: str) -> Snapshot:
    result: dict[str, dict[str, Piece]] = {}
    for part in text.split("|"):
        if words := part.split():
            pairs = [word.partition("=") for word in words[1:]]
            result[LONG[words[0]]] = {name: Piece(name, version) for name, _, version in pairs}
    return result


def request(line: str) -> Request:
    short, *words = line.split()
    given: dict[str, list[str]] = {"had": [], "names": [], "+": [], "-": []}
    nonce, error, mode = "", "", ""
    while words:
        word = words.pop(0)
        if word in ("ack", "nack"):
            nonce = words.pop(0)
            if word == "nack":
                error, words = " ".join(words), []
        elif word in given:
            mode = word
        elif mode:
            given[mode].append(word)
        else:
            given[word[0]].append(word[1:])
    versions = dict(word.split("=") for word in given["had"])
    return Request(
        LONG[short], nonce, error, tuple(given["+"]), tuple(given["-"]), versions, names=tuple(given["names"])
    )


def show(command: Command) -> str:
    words = " ".join(f"{r.name}={r.version}" for r in command.resources)
    if isinstance(command, Rejected):
        names = " ".join(r.name for r in command.resources)
        return f"! {SHORT[command.type_url]} #{command.nonce} {names}: {command.message}"
    words += "".join(f" -{name}" for name in command.removed)
    return f"< {SHORT[command.type_url]} #{command.nonce} {words.strip()}".rstrip()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*/*.txt")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_transcript(path: Path) -> None:
    stream: DeltaStream | SotwStream | None = None
    kind = DeltaStream if path.parent.name == "delta" else SotwStream
    said: list[str] = []
    written = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    for line in written:
        word, _, rest = line.partition(" ")
        if word in ("<", "!"):
            continue
        said.append(line)
        if word == "snapshot":
            stream = kind(snapshot(rest), Differences())
            continue
        assert stream is not None, "a transcript starts with its snapshot"
        commands = stream.push(snapshot(rest)) if word == "push" else stream.receive(request(rest))
        said += map(show, commands)
    assert said == written


def test_status_follows_the_conversation() -> None:
    stream = DeltaStream(snapshot("CDS a=1"), Differences())
    stream.receive(request("CDS"))
    watch = stream.watches[protocol.CDS]
    assert watch.status == "STALE"
    stream.receive(request("CDS ack 1"))
    assert watch.status == "SYNCED"
    stream.push(snapshot("CDS a=2"))
    stream.receive(request("CDS nack 2 bad"))
    assert (watch.status, watch.error, [r.version for r in watch.rejected]) == ("ERROR", "bad", ["2"])
    stream.push(snapshot("CDS a=3"))
    stream.receive(request("CDS ack 3"))
    assert (watch.status, watch.error) == ("SYNCED", "")


def test_differences_are_computed_once_for_all_streams() -> None:
    differences = Differences(size=2)
    old, new = snapshot("CDS a=1")[protocol.CDS], snapshot("CDS a=2 b=1")[protocol.CDS]
    assert differences.between(old, new) is differences.between(old, new)
    for _ in range(3):
        differences.between(snapshot("CDS x=1")[protocol.CDS], new)
    assert [r.name for r in differences.between(old, new).changed] == ["a", "b"]
