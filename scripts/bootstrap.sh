#!/bin/sh
# Usage: scripts/bootstrap.sh VENV LOCKFILE
# Makes the virtual environment and installs exactly what the lock file names, by hash. Safe to repeat.
set -eu
venv=$1
lock=$2
uv_version=0.13.9

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$candidate"
            return
        fi
    done
    echo "Tejer needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
}

make_venv() {
    "$1" -m venv "$venv" >/dev/null 2>&1 && return
    rm -rf "$venv"
    # Debian and Ubuntu split venv into a package of its own.
    version=$("$1" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "Installing $version-venv, which Debian packages separately"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$version-venv" >/dev/null
        "$1" -m venv "$venv"
    else
        echo "Python's venv module is missing. Try: sudo apt-get install $version-venv" >&2
        exit 1
    fi
}

if [ ! -x "$venv/bin/python" ]; then
    make_venv "$(find_python)"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
# Compiled now, not at every start: where PYTHONDONTWRITEBYTECODE is set, nothing would ever keep the result.
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode --require-hashes -r "$lock"
"$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --no-deps -e .
"$venv/bin/python" -m compileall -q tejer apps/finance-api/finance_api
