#!/bin/bash
# faults at their full size: 30 s without a database, 2,000 slow clients, a million rows and 100 uploads of 50 MB, 3,000 allocations
set -uo pipefail
cd "$(dirname "$0")/../.."
KITH_FAULTS=long exec tools/faults.sh
