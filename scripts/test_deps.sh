#!/bin/sh
# Installs what only the tests use and pip cannot give: kubectl, curl, chromium and prometheus from apt. Safe to repeat.
# Where another kubectl is installed, Debian's (1.20) is put beside the project, so that old clients are tested too.
set -eu
cd "$(dirname "$0")/.."
tools=build/tools
if [ "$(id -u)" = 0 ]; then sudo=""; else sudo=sudo; fi

install() {
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

fetch_old_kubectl() {
    directory=$(mktemp -d)
    (cd "$directory" && apt-get update -qq 2>/dev/null; cd "$directory" && apt-get download -qq kubernetes-client) || return 0
    dpkg -x "$directory"/kubernetes-client_*.deb "$directory/root"
    mkdir -p "$tools"
    version=$("$directory/root/usr/bin/kubectl" version --client --short 2>/dev/null | sed -n 's/.*v\(1\.[0-9]*\)\..*/\1/p')
    cp "$directory/root/usr/bin/kubectl" "$tools/kubectl.${version:-1.20}"
    rm -r "$directory"
}

missing=""
command -v kubectl >/dev/null 2>&1 || missing="$missing kubernetes-client"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] || install "$missing"
# The real Prometheus, as a program only: its package would also run it as a service on port 9090.
if ! command -v prometheus >/dev/null 2>&1; then
    install "--no-install-recommends prometheus"
    if [ -d /run/systemd/system ]; then $sudo systemctl disable --now prometheus >/dev/null 2>&1 || true; fi
fi
if command -v apt-get >/dev/null 2>&1 && [ -z "$(ls "$tools"/kubectl.* 2>/dev/null)" ]; then
    fetch_old_kubectl
fi
kubectl version --client 2>/dev/null | head -1
