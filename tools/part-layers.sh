#!/bin/bash
# The checks of the source text: the tools' own tests, layers, every query on both engines.
set -uo pipefail
cd "$(dirname "$0")/.."
. tools/count.sh
count tools/tools_test.py
count tools/layers.py
count tools/plans.py
count tools/sql.sh
counted
