#!/bin/sh
# Installs, builds, and gathers what a running Gyre needs into an empty folder: assemble.sh FOLDER, in a clone's root.
# The image is made so; so can a plain folder be.
set -eu
out=$1
mkdir -p "$out"
[ -z "$(ls -A "$out")" ] || { echo "$out is not empty" >&2; exit 1; }

npm ci --no-audit --no-fund --loglevel=error
PATH="$PWD/node_modules/.bin:$PATH" NX_DAEMON=false NX_NO_CLOUD=true npx nx run-many -t build --output-style=static
npm prune --omit=dev --no-audit --no-fund --loglevel=error
# The image has a Node of its own, and onnxruntime brings the libraries of all platforms.
rm -rf node_modules/node-linux-* node_modules/node-win-* node_modules/.bin/node
for libraries in node_modules/onnxruntime-node/bin/*; do
  find "$libraries" -mindepth 1 -maxdepth 1 ! -name "$(node -p process.platform)" -exec rm -rf {} +
  find "$libraries" -mindepth 2 -maxdepth 2 ! -name "$(node -p process.arch)" -exec rm -rf {} +
done

cp package.json LICENSE "$out"
cp -R proto node_modules "$out"
for project in apps/* libs/*; do
  [ -d "$project/dist" ] || continue
  mkdir -p "$out/$project"
  cp -R "$project/package.json" "$project/dist" "$out/$project"
done
find "$out/apps" "$out/libs" -name '*.spec.js*' -delete
rm -rf "$out/apps/gyre-e2e" "$out/node_modules/@gyre/gyre-e2e"
