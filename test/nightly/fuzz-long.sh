#!/bin/bash
# each parser for ten minutes
set -uo pipefail
cd "$(dirname "$0")/../.."
SECONDS_EACH=${SECONDS_EACH:-600} exec tools/fuzz.sh
