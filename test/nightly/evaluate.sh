#!/bin/bash
# evaluate: the judgement conforms with 120 stories but for the misses known by name, with rules that hold for everybody, and accuses at most 20 of 10,000 planted honest people, by three seeds
set -uo pipefail
cd "$(dirname "$0")/../.."

. tools/count.sh
count tools/evaluate.py --short
[ -z "${KITH_TEST_POSTGRES:-}" ] || count tools/evaluate.py --short --parts stories --postgres "$KITH_TEST_POSTGRES"
counted
