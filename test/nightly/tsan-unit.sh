#!/bin/bash
# unit tests under the thread sanitizer
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tools/unit.sh tsan
