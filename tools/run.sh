#!/bin/bash
# Serves the demo company on http://127.0.0.1:8080; fills it on the first start and plays incoming calls.
#
#   KITH_DATA=DIR       another place than var/demo
#   LISTEN=HOST:PORT    another address
set -euo pipefail
cd "$(dirname "$0")/.."
data=${KITH_DATA:-var/demo}
mkdir -p -m 700 "$data"
# Of Debian's tor-geoipdb and publicsuffix, where they are there.
build/kith data update --data "$data" >/dev/null 2>&1 ||
    echo "run: with 'apt install tor-geoipdb publicsuffix' Kith also tells the country of an address; it works without"
exec build/kith demo --data "$data" --fill-if-empty --serve --listen "${LISTEN:-127.0.0.1:8080}"
