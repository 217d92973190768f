#!/bin/bash
# Serves the demo company on http://127.0.0.1:8080; fills it on the first start and plays incoming calls.
#
#   KITH_DATA=DIR       another place than var/demo
#   LISTEN=HOST:PORT    another address
set -euo pipefail
cd "$(dirname "$0")/.."
data=${KITH_DATA:-var/demo}
mkdir -p -m 700 "$data"
exec build/kith demo --data "$data" --fill-if-empty --serve --listen "${LISTEN:-127.0.0.1:8080}"
