#!/bin/bash
# evaluate: how the judgement conforms with 120 stories, with rules that hold for everybody, and with a planted population
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tools/evaluate.py --short
