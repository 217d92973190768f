#!/bin/bash
# soak: mixed load without a pause; memory and descriptors stay flat, the WAL stays bounded
set -uo pipefail
cd "$(dirname "$0")/../.."
exec /usr/bin/python3 tools/soak.py --minutes "${SOAK_MINUTES:-20}"
