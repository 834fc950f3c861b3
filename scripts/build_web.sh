#!/bin/sh
# Bundles the pages into tejer/observe/web/bundle, which the wheel takes along. Needs Node; nothing at run time does.
# `sources` says which modules the bundle was made from: the server uses it only while they are the same.
set -eu
cd "$(dirname "$0")/.."
work=build/web
mkdir -p "$work"
cp scripts/web/package.json scripts/web/package-lock.json scripts/web/.npmrc scripts/web/vite.config.mjs "$work/"
(cd "$work" && npm ci --silent)
export TEJER_WEB_SOURCE="$PWD/tejer/observe/web/static" TEJER_WEB_BUNDLE="$PWD/tejer/observe/web/bundle"
(cd "$work" && node_modules/.bin/vite build --config vite.config.mjs)
gzip -9 -k -n "$TEJER_WEB_BUNDLE"/*.js
"${PYTHON:-python3}" -c 'from tejer.observe.web.assets import sources_digest; print(sources_digest())' > "$TEJER_WEB_BUNDLE/sources"
ls -l "$TEJER_WEB_BUNDLE"/*.gz
