#!/bin/bash
# A Debian package in build/: the program, a hardened systemd unit, a user of its own, a man page.
#
#   tools/deb.sh           builds it
#   tools/deb.sh test      and installs it into a fresh Debian 12 (chroot), looks at it, removes it
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install.sh build deb
tools/setup.sh build-deb -Dtests=false -Dprefix=/usr -Dstrip=true
tools/ninja.sh build-deb kith

version=$(meson introspect --projectinfo build-deb | python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
put() { install -D -m "$1" "$2" "$root/$3"; }

DESTDIR=$root meson install -C build-deb --no-rebuild --quiet
put 644 packaging/kith.service lib/systemd/system/kith.service
put 644 packaging/kith.sysusers usr/lib/sysusers.d/kith.conf
put 644 packaging/kith.default etc/default/kith
put 644 packaging/kith.1 usr/share/man/man1/kith.1
put 644 docs/operations.md usr/share/doc/kith/operations.md
put 644 docs/sources.md usr/share/doc/kith/sources.md
gzip -9n "$root/usr/share/man/man1/kith.1"
cat >"$root/usr/share/doc/kith/copyright" <<EOF
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Kith

Files: *
Copyright: the Kith authors
License: AGPL-3.0-or-later
$(sed 's/^$/./; s/^/ /' LICENSE)
EOF
chmod 644 "$root/usr/share/doc/kith/copyright"

# What the program links to, as Debian names it.
mkdir -p "$root/debian"
printf 'Source: kith\n\nPackage: kith\nArchitecture: %s\n' "$arch" >"$root/debian/control"
libraries=$(cd "$root" && dpkg-shlibdeps -O usr/bin/kith 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
rm -r "$root/debian"
[ -n "$libraries" ] || { echo "deb: dpkg-shlibdeps found no library" >&2; exit 1; }

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<EOF
Package: kith
Version: $version
Architecture: $arch
Maintainer: the Kith authors <kith@example.invalid>
Section: web
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $libraries, init-system-helpers (>= 1.54~), systemd | systemd-standalone-sysusers, tzdata
Recommends: ca-certificates, tor-geoipdb, publicsuffix
Suggests: postgresql (>= 15)
Description: customer-relationship system that a company runs itself
 One program holds one record for every customer, whatever door the customer
 came through, and puts it on the screen of the person who is about to answer,
 at the first ring of the telephone.
EOF
echo /etc/default/kith >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 packaging/$script "$root/DEBIAN/$script"; done
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

mkdir -p build
package=build/kith_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz --build "$root" "$package" >/dev/null
echo "deb: $package, $(du -h "$package" | cut -f1)"
[ "${1:-}" != test ] || exec tools/deb-test.sh "$package"
