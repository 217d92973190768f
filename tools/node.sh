#!/bin/bash
# Prints the path of the Node that web/package.json pins; fetches it and the rest of the interface's own
# dependencies with npm when they are missing or when the lock file has changed.
set -euo pipefail
cd "$(dirname "$0")/../web"

case $(uname -m) in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) echo "node: no pinned Node for $(uname -m)" >&2; exit 1 ;;
esac
node=$PWD/node_modules/node-linux-$arch/bin/node
stamp=node_modules/.installed-lock
lock=$(sha256sum package-lock.json package.json | sha256sum | cut -d' ' -f1)

exec 9>.npm.lock
flock 9
if [ ! -x "$node" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
    if ! command -v npm >/dev/null 2>&1; then
        echo "node: npm is missing; tools/install.sh test installs it" >&2
        exit 1
    fi
    echo "node: npm ci in web/ (the lock file is new here)" >&2
    # Twice: an old Node gets the pinned one, and under that the rest is fetched. Under the old one npm would leave out
    # optional packages that want a newer Node. Debian's npm finds its own parts by NODE_PATH.
    ci=(ci --no-audit --no-fund --loglevel=error)
    npm "${ci[@]}" --omit=dev 1>&2
    pinned=$(mktemp -d)
    trap 'rm -rf "$pinned"' EXIT
    cp "$node" "$pinned/node"
    NODE_OPTIONS=--no-deprecation NODE_PATH=/usr/share/nodejs "$pinned/node" "$(readlink -f "$(command -v npm)")" "${ci[@]}" 1>&2
    [ -x "$node" ] || { echo "node: web/package.json does not pin node-linux-$arch" >&2; exit 1; }
    echo "$lock" >"$stamp"
fi
echo "$node"
