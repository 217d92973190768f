#!/bin/bash
# Installs what is missing of Debian 12's own packages, and nothing when all is there.
#
#   tools/install.sh build           what building and running needs
#   tools/install.sh build test      and what the tests need; also: check, nightly, deb
set -euo pipefail

build="gcc g++ make meson ninja-build pkg-config python3 git libsqlite3-dev libpq-dev libmicrohttpd-dev
       libgnutls28-dev libjansson-dev libsodium-dev libssl-dev libicu-dev libphonenumber-dev zlib1g-dev libcurl4-openssl-dev libmaxminddb-dev
       ca-certificates tzdata"
test="libcmocka-dev sqlite3 faketime postgresql-15 chromium clang llvm libclang-rt-14-dev curl openssl procps fonts-noto-core
      fonts-noto-cjk"
check="clang-format clang-tidy"
nightly="debootstrap"
deb="dpkg-dev systemd"

has_command() { command -v "$1" >/dev/null 2>&1; }

wanted=()
for set in "${@:-build}"; do
    case $set in
        build) wanted+=($build) ;;
        test) wanted+=($test); has_command npm || wanted+=(nodejs npm) ;;
        check) wanted+=($check) ;;
        nightly) wanted+=($nightly) ;;
        deb) wanted+=($deb) ;;
        *) echo "install: unknown set '$set' (build, test, check, nightly, deb)" >&2; exit 2 ;;
    esac
done

missing=()
for package in "${wanted[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "install: all ${#wanted[@]} packages of '${*:-build}' are there"
    exit 0
fi

if [ ! -r /etc/debian_version ] || ! has_command apt-get; then
    echo "install: this is not Debian; please install what corresponds to: ${missing[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! has_command sudo; then
        echo "install: ${missing[*]} are missing; run again as root, or install sudo" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "install: ${#missing[@]} of ${#wanted[@]} packages are missing, apt installs them: ${missing[*]}"
# Debian's PostgreSQL package makes and starts a cluster of its own, which we do not need: ours is started by
# tools/postgres.sh for the time of a test. The setting is taken back afterwards.
setting=/etc/postgresql-common/createcluster.d/kith-no-cluster.conf
quiet_postgres() { "${as_root[@]}" mkdir -p "${setting%/*}"; echo "create_main_cluster = false" | "${as_root[@]}" tee "$setting" >/dev/null; }
take_back() { "${as_root[@]}" rm -f "$setting"; }
case " ${missing[*]} " in *" postgresql-15 "*) trap take_back EXIT; quiet_postgres ;; esac

log=$(mktemp)
# A machine that was just started looks for updates by itself and holds apt's locks meanwhile: it is waited for, five minutes.
apt() {
    local turn
    for turn in $(seq 100); do
        "${as_root[@]}" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 && return
        grep -q 'Could not get lock' "$log" || return
        [ "$turn" -gt 1 ] || echo "install: another apt is at work; waiting for it"
        sleep 3
    done
    return 1
}
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
    tail -n 25 "$log" >&2
    echo "install: apt could not install ${missing[*]}; its last words stand above" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
echo "install: done"
