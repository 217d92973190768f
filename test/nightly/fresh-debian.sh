#!/bin/bash
# make run and make test on a debootstrapped Debian 12
set -uo pipefail
cd "$(dirname "$0")/../.."
exec tools/chroot-proof.sh
