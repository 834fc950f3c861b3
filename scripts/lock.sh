#!/bin/sh
# Usage: scripts/lock.sh VENV
# Writes requirements.lock (run time) and requirements-dev.lock (with the tests' tools): exact versions with hashes.
set -eu
uv=$1/bin/uv
options="--quiet --universal --generate-hashes --python-version 3.11 --no-header --no-annotate"
# shellcheck disable=SC2086
$uv pip compile $options pyproject.toml -o requirements.lock
# shellcheck disable=SC2086
$uv pip compile $options pyproject.toml --extra dev -c requirements.lock -o requirements-dev.lock
