#!/bin/bash
# The proof on a fresh machine: debootstraps Debian 12, clones this repository into it, lets `make run` install, build
# and serve until /readyz answers, then `make run` again (which must install and build nothing), then `make test`.
# For root. Ends with `N passed, N failed`.
#
#   tools/chroot-proof.sh [FOLDER]      FOLDER is kept; without, a temporary one is removed at the end
#   STEPS="run again test" chooses
set -uo pipefail
cd "$(dirname "$0")/.."
tools/install.sh nightly || exit 1
steps=${STEPS:-run again test}
folder=${1:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d /var/tmp/kith-debian.XXXXXX)
    chmod 755 "$folder"
    trap 'rm -rf "$folder" "$folder.log"' EXIT
fi
passed=0 failed=0
verdict() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1)); echo "ok   $2 ($((SECONDS - from)) s)"
    else
        failed=$((failed + 1)); echo "FAIL $2 ($((SECONDS - from)) s)"
    fi
    from=$SECONDS
}
from=$SECONDS

# Where npm fetches from is a matter of this machine's set-up, not of the proof.
registry=$(npm config get registry 2>/dev/null || true)
export CHROOT_ENV="${registry:+npm_config_registry=$registry}"
# A clone of what is committed, without this machine's files.
clone=$(mktemp -d)
git clone -q --bare . "$clone/kith.git"
inside() { SHARE=$clone tools/chroot.sh in "$folder" "$@"; }

if [ ! -x "$folder/usr/bin/apt-get" ]; then
    tools/chroot.sh make "$folder"
    verdict $? "a fresh Debian 12 is made"
fi
inside sh -c 'apt-get -qq update && apt-get -qq -y install git make >/dev/null 2>&1 &&
    rm -rf /root/kith && git clone -q /mnt/share/kith.git /root/kith'
verdict $? "git and make are installed, the repository is cloned"

# serves LOG: make run until it is ready, then ends it.
serves='
cd /root/kith
export LISTEN=127.0.0.1:'$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')'
make run >/root/run.log 2>&1 &
run=$!
for i in $(seq 6000); do
    kill -0 $run 2>/dev/null || { cat /root/run.log; exit 1; }
    if python3 -c "import sys, urllib.request; urllib.request.urlopen(\"http://$LISTEN/readyz\", timeout=2)" 2>/dev/null; then
        cat /root/run.log
        exit 0
    fi
    sleep 0.1
done
cat /root/run.log
echo "not ready within 10 minutes"
exit 1'

for step in $steps; do
    case $step in
        run)
            inside bash -c "$serves" 2>&1 | sed 's/^/    /'
            verdict "${PIPESTATUS[0]}" "make run on the fresh machine: packages, build, demo company, ready"
            ;;
        again)
            again=$(inside bash -c "$serves" 2>&1)
            status=$?
            sed 's/^/    /' <<<"$again"
            if grep -v 'Looking for new files' <<<"$again" | grep -qE 'are missing|\[[0-9]+/[0-9]+\]'; then status=1; fi
            verdict $status "make run again: installs and builds nothing"
            ;;
        test)
            inside bash -c 'cd /root/kith && make test' 2>&1 | sed 's/^/    /'
            verdict "${PIPESTATUS[0]}" "make test on the fresh machine"
            ;;
    esac
done
rm -rf "$clone"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
