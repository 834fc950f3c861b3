#!/bin/sh
# Sets up the mesh and the finance-api sample: on Tejer's embedded cluster, or on another one with --context.
#
#   scripts/setup-istio.sh                  the embedded cluster; started if it does not run
#   scripts/setup-istio.sh --context NAME   the cluster of that kubectl context; "current" for the current one
set -eu
cd "$(dirname "$0")/.."
root=$PWD
PATH=$root/.venv/bin:$PATH

context=""
while [ $# -gt 0 ]; do
    case $1 in
        --context) context=${2:?--context needs the name of a kubectl context}; shift 2 ;;
        -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) echo "setup-istio.sh: unknown argument $1; see --help" >&2; exit 2 ;;
    esac
done

if ! command -v tejer >/dev/null 2>&1; then
    make install
fi
if [ -z "$context" ]; then
    exec tejer demo
fi
exec tejer demo --context "$context"
