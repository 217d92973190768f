#!/bin/bash
# Figures on both stores, into docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
exec /usr/bin/python3 tools/bench.py "$@"
