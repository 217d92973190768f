#!/bin/bash
# Installs a package into a fresh Debian 12 (chroot), looks at what it made, runs it, removes it again. For root.
#
#   tools/deb-test.sh PACKAGE.deb [FOLDER]      FOLDER: a chroot that is there already
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh nightly
package=$(readlink -f "$1")
folder=${2:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d /var/tmp/kith-debian.XXXXXX)
    chmod 755 "$folder"
    trap 'rm -rf "$folder" "$folder.log"' EXIT
    tools/chroot.sh make "$folder"
fi
export CHROOT_ENV="" SHARE
SHARE=$(dirname "$package")
tools/chroot.sh in "$folder" bash -euc '
    step() { echo "ok   $1"; }
    apt-get -qq update
    apt-get -qq -y install systemd "/mnt/share/'"$(basename "$package")"'" >/tmp/apt.log 2>&1 || { tail -n 20 /tmp/apt.log; exit 1; }
    step "apt installs it with its libraries"
    getent passwd kith >/dev/null && [ "$(stat -c "%U %a" /var/lib/kith)" = "kith 700" ]
    step "the user kith is there and owns /var/lib/kith alone"
    [ "$(stat -c "%U %a" /var/lib/kith.key)" = "kith 600" ]
    step "the key of the data is made beside it"
    systemd-analyze verify --man=no /lib/systemd/system/kith.service 2>&1 | grep -i kith && exit 1
    step "systemd-analyze verify has no complaint"
    score=$(systemd-analyze security --offline=true --threshold=25 /lib/systemd/system/kith.service | tail -n 1) || { echo "$score"; exit 1; }
    step "systemd-analyze security:${score#*→}"
    [ -e /etc/systemd/system/multi-user.target.wants/kith.service ]
    step "the service starts with the machine"
    man -w kith >/dev/null 2>&1 || [ -f /usr/share/man/man1/kith.1.gz ]
    su -s /bin/sh kith -c "JOURNAL_STREAM=1:1 exec /usr/bin/kith serve --data /var/lib/kith --listen 127.0.0.1:0" >/tmp/kith.log 2>&1 &
    pid=$!
    for i in $(seq 100); do grep -q "listening on" /tmp/kith.log && break; sleep 0.1; done
    url=$(sed -n "s/^kith: listening on //p" /tmp/kith.log)
    [ -n "$url" ] || { cat /tmp/kith.log; exit 1; }
    ! grep -E "([0-9A-Z]{4}-){8}[0-9A-Z]{4}" /tmp/kith.log
    step "the log of the service holds no recovery key"
    python3 -c "import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + \"/readyz\", timeout=5)" "${url%/}" 2>/dev/null ||
        perl -MIO::Socket::INET -e '"'"'my ($h, $p) = $ARGV[0] =~ m{//([^:/]+):(\d+)}; my $s = IO::Socket::INET->new(PeerAddr => $h, PeerPort => $p) or die; print $s "GET /readyz HTTP/1.1\r\nHost: $h\r\nConnection: close\r\n\r\n"; my $l = <$s>; die $l unless $l =~ / 200 /'"'"' "$url"
    pkill -TERM -P $pid 2>/dev/null || kill -TERM $pid
    wait $pid || true
    step "the program serves as the user kith and stops when told"
    su -s /bin/sh kith -c "/usr/bin/kith key recovery --data /var/lib/kith" | grep -Eq "([0-9A-Z]{4}-){8}[0-9A-Z]{4}"
    step "the recovery key is shown to who asks"
    apt-get -qq -y purge kith >/tmp/apt.log 2>&1 || { tail /tmp/apt.log; exit 1; }
    [ -d /var/lib/kith ] && [ -e /var/lib/kith.key ] && [ ! -e /usr/bin/kith ] && [ ! -e /etc/default/kith ]
    step "purge takes the program away and keeps the records and their key"
'
echo "10 passed, 0 failed"
