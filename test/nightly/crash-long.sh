#!/bin/bash
# 500 rounds of kill -9 on each store
set -uo pipefail
cd "$(dirname "$0")/../.."
ROUNDS=${ROUNDS:-500} exec tools/crash.sh
