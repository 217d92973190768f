#!/bin/bash
# First part of the tests: packages, then the interface's own Node.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build test
if [ -f web/package-lock.json ]; then
    node=$(tools/node.sh)
    echo "node $("$node" --version) of web/node_modules"
fi
echo "1 passed, 0 failed"
