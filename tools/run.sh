#!/bin/bash
# Serves the demo company; fills it on the first start.
set -euo pipefail
cd "$(dirname "$0")/.."
exec build/kith demo --data "${KITH_DATA:-var/demo}" --fill-if-empty --serve --listen "${LISTEN:-127.0.0.1:8080}"
