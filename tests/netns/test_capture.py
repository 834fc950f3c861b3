"""The capture rules in a real kernel: a scratch network namespace, real sockets, real redirects."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = textwrap.dedent(
    """
    import os, socket, struct, subprocess, threading
    from tejer.envoy.capture import CaptureOptions, plan
    from tejer.envoy.nftables import apply, remove

    def original(connection):
        data = connection.getsockopt(socket.IPPROTO_IP, 80, 16)
        return socket.inet_ntoa(data[4:8]), struct.unpack(">H", data[2:4])[0]

    def serve(port, answers, host="0.0.0.0"):
        server = socket.create_server((host, port))
        def run():
            while True:
                connection, _ = server.accept()
                try:
                    where = original(connection)
                except OSError:
                    where = "direct"
                answers.append(where)
                connection.sendall(f"{port}".encode())
                connection.close()
        threading.Thread(target=run, daemon=True).start()

    def ask(address, port, uid=None, source=None):
        script = (
            "import os,socket,sys\\n"
            + (f"os.setgid({uid}); os.setuid({uid})\\n" if uid else "")
            + "s=socket.socket(); s.settimeout(2)\\n"
            + (f"s.bind(('{source}', 0))\\n" if source else "")
            + f"s.connect(('{address}', {port})); print(s.recv(100).decode())"
        )
        done = subprocess.run([__import__("sys").executable, "-c", script], capture_output=True, text=True)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1].split(":")[0]

    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", "e0", "type", "veth", "peer", "name", "e1"], check=True)
    for name in ("e0", "e1"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    subprocess.run(["ip", "address", "add", "10.9.0.1/24", "dev", "e0"], check=True)
    subprocess.run(["ip", "route", "add", "default", "dev", "e0"], check=True)
    inbound, outbound, app = [], [], []
    serve(15006, inbound); serve(15001, outbound); serve(8000, app)
    options = CaptureOptions(exclude_outbound_ports=("9999",), exclude_outbound_ranges=("10.8.0.0/16",))
    for _ in range(2):
        apply(plan(options))
    print("outbound", ask("203.0.113.7", 80), outbound[-1:])
    print("loopback", ask("127.0.0.1", 8000), app[-1:])
    print("own address as an app", ask("10.9.0.1", 8000))
    print("own address as envoy", ask("10.9.0.1", 8000, 1337), inbound[-1:])
    print("passthrough source", ask("10.9.0.1", 8000, 1337, "127.0.0.6"))
    print("excluded port", ask("203.0.113.7", 9999))
    print("excluded range", ask("10.8.1.1", 80))
    print("envoy", ask("203.0.113.7", 80, 1337))
    remove(); remove()
    print("removed", ask("203.0.113.7", 80))
    """
)

EXPECTED = """\
outbound 15001 [('203.0.113.7', 80)]
loopback 8000 [('127.0.0.1', 8000)]
own address as an app 8000
own address as envoy 15006 [('10.9.0.1', 8000)]
passthrough source 8000
excluded port {refused}
excluded range {refused}
envoy {refused}
removed {refused}
"""


@pytest.mark.netns
def test_connections_go_where_istio_sends_them() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root: the test's processes change their user")
    command = ["unshare", "--net", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" (")[0] for line in done.stdout.splitlines()]
    for line, expected in zip(done.stdout.splitlines(), EXPECTED.splitlines(), strict=True):
        if "{refused}" in expected:
            assert line.startswith(expected.replace("{refused}", "")), done.stdout
            assert any(word in line for word in ("OSError", "TimeoutError", "ConnectionRefusedError")), line
        else:
            assert line == expected, lines
