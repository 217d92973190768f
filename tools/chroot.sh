#!/bin/bash
# A fresh Debian 12 in a folder, made by debootstrap from this machine's own apt sources. For root.
#
#   tools/chroot.sh make FOLDER           debootstrap, with this machine's mirror and security updates
#   tools/chroot.sh in FOLDER COMMAND…    runs a command in it, with /proc, /dev/shm and the network; whatever it
#                                         started and mounted is gone when it ends; $SHARE lies at /mnt/share, read-only
set -euo pipefail

[ "$(id -u)" -eq 0 ] || { echo "chroot: only root can make a chroot" >&2; exit 1; }

make_() {
    local folder=$1 rows mirror security
    rows=$(apt-get indextargets --format '$(LABEL)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages' | sort -u)
    mirror=$(sed -n 's/^Debian|bookworm|//p' <<<"$rows" | head -n 1)
    security=$(sed -n 's/^Debian-Security|bookworm-security|//p' <<<"$rows" | head -n 1)
    [ -n "$mirror" ] || { echo "chroot: this machine's apt sources have no Debian 12 (bookworm)" >&2; exit 1; }
    mkdir -p "$folder"
    debootstrap --include=ca-certificates bookworm "$folder" "$mirror" >"$folder.log" 2>&1 ||
        { tail -n 20 "$folder.log" >&2; exit 1; }
    {
        echo "deb $mirror bookworm main"
        [ -z "$security" ] || echo "deb $security bookworm-security main"
    } >"$folder/etc/apt/sources.list"
    # How this machine reaches its mirror is a matter of its set-up, not of the proof.
    apt-config dump | grep -E '^Acquire::(http|https)::(Proxy|CAInfo)' >"$folder/etc/apt/apt.conf.d/90network" || true
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
    # No service is started by a package.
    printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
    chmod 755 "$folder/usr/sbin/policy-rc.d"
}

in_() {
    local folder=$1
    shift
    export CHROOT=$folder SHARE=${SHARE:-}
    exec unshare --mount --pid --fork --kill-child bash -c '
        set -e
        mount -t proc proc "$CHROOT/proc"
        mount --rbind /sys "$CHROOT/sys"
        mount --make-rslave "$CHROOT/sys"
        mount --bind /dev "$CHROOT/dev"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "$CHROOT/dev/pts" 2>/dev/null || true
        mount -t tmpfs -o mode=1777 tmpfs "$CHROOT/dev/shm"
        if [ -n "$SHARE" ]; then
            mkdir -p "$CHROOT/mnt/share"
            mount --bind -o ro "$SHARE" "$CHROOT/mnt/share"
        fi
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 \
            NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt $CHROOT_ENV chroot "$CHROOT" "$@"
    ' bash "$@"
}

case ${1:-} in
    make) make_ "$2" ;;
    in) shift; in_ "$@" ;;
    *) sed -n '2,7p' "$0" >&2; exit 2 ;;
esac
