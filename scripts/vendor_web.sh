#!/bin/sh
# Copies the front end's libraries from npm into tejer/observe/web/static/vendor, at the versions of
# scripts/web/package-lock.json. Imports of package names become relative paths, so browsers need no import map and
# the pages' Content-Security-Policy allows no inline script. Needs Node; run it to change a version, then commit.
set -eu
cd "$(dirname "$0")/web"
vendor=../../tejer/observe/web/static/vendor
work=../../build/web
mkdir -p "$work"
cp package.json package-lock.json .npmrc vite.config.mjs "$work/"
(cd "$work" && npm ci --silent)
modules=$work/node_modules

copy() {  # SOURCE TARGET
    sed -e 's#"@preact/signals-core"#"./signals-core.js"#g' -e 's#"preact/hooks"#"./preact-hooks.js"#g' \
        -e 's#"preact"#"./preact.js"#g' -e '/^\/\/# sourceMappingURL/d' "$modules/$1" > "$vendor/$2"
}

rm -rf "$vendor"
mkdir -p "$vendor/licences"
copy preact/dist/preact.mjs preact.js
copy preact/hooks/dist/hooks.mjs preact-hooks.js
copy @preact/signals-core/dist/signals-core.mjs signals-core.js
copy @preact/signals/dist/signals.mjs signals.js
copy htm/dist/htm.mjs htm.js
copy uplot/dist/uPlot.esm.js uplot.js
cp "$modules/uplot/dist/uPlot.min.css" "$vendor/uplot.css"
for package in preact @preact/signals-core @preact/signals htm uplot; do
    cp "$modules/$package/LICENSE" "$vendor/licences/$(echo "$package" | tr -d @ | tr / -).txt"
done
if grep -lE "(^|[;}])(import|export)[^;()]*\"[a-z@]" "$vendor"/*.js; then
    echo "these import a package by name; add it to copy() above" >&2
    exit 1
fi
