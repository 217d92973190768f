#!/bin/bash
# evaluate: how the judgement conforms with 120 stories, with rules that hold for everybody, and with a planted population
set -uo pipefail
cd "$(dirname "$0")/../.."

. tools/count.sh
count tools/evaluate.py --short
[ -z "${KITH_TEST_POSTGRES:-}" ] || count tools/evaluate.py --short --parts stories --postgres "$KITH_TEST_POSTGRES"
counted
