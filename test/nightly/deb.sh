#!/bin/bash
# the Debian package installed into a fresh Debian 12
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tools/deb.sh test
