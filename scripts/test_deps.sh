#!/bin/sh
# Installs what only the tests use and pip cannot give: kubectl, and PostgreSQL's server where there is none.
set -eu
missing=""
command -v kubectl >/dev/null 2>&1 || missing="$missing kubernetes-client"
command -v curl >/dev/null 2>&1 || missing="$missing curl"
if [ -z "$missing" ]; then
    echo "Nothing to install."
    exit 0
fi
if [ "$(id -u)" = 0 ]; then sudo=""; else sudo=sudo; fi
$sudo apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing
