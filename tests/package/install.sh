#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install.sh DIRECTORY: installs, tries, upgrades, removes and purges the package
# that lies there. The machine does not notice: it happens in a copy of its root
# file system (an overlay in memory), or of that at $LAZYMIRROR_ROOT, in
# namespaces of its own whose end ends every process and mount. Exit status 77:
# not possible here.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  skip() {
    echo "install: $*"
    [ "${LAZYMIRROR_CI:-}" = 1 ] && exit 1 || exit 77
  }
  [ "$(id -u)" = 0 ] || skip "needs root"
  memory=$(mktemp -d)
  trap 'rmdir "$memory"' EXIT
  unshare --mount --pid --fork --kill-child --propagation private "$0" --inside \
    "$1"/lazymirror_*.deb "$(git -C "$(dirname "$0")" rev-parse --short=12 HEAD)" "$memory" \
    "${LAZYMIRROR_ROOT:-/}"
  exit
fi

deb=$2
commit=$3
memory=$4
lower=$5
tests=$(cd "$(dirname "$0")/../../packaging/debian/tests" && pwd)

fail() {
  echo "install: $*" >&2
  exit 1
}

mount -t tmpfs -o mode=755 tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root"
root=$memory/root
mount -t overlay overlay "$root" \
  -o "lowerdir=$lower,upperdir=$memory/upper,workdir=$memory/work"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/tmp/before" "$root/tmp/upper"
mount --bind "$memory/upper" "$root/tmp/upper"
cp "$deb" "$root/tmp/package.deb"
cp "$tests/mount" "$root/tmp/mount-test"
# Not chroot(8), within which the keeper may not make user namespaces.
cd "$root"
pivot_root . tmp/before
cd /
umount -l /tmp/before

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
# What the package and its programs have put into the copy.
left() { (cd /tmp/upper && find . -path '*lazymirror*' ! -path './var/cache/lazymirror*' ! -type c); }

if inside dpkg-query -W lazymirror >/dev/null 2>&1; then fail "lazymirror is installed here already"; fi

echo "== install"
inside apt-get -q=2 -y install /tmp/package.deb
inside lazymirror --version | grep -F "($commit)" || fail "--version does not name the commit $commit"
inside man -w lazymirror lazymirror.conf lazymirror-fanotify mount.lazymirror 2>/dev/null || true
inside getent passwd lazymirror || fail "there is no user for the worker"
[ -e "/var/cache/lazymirror" ] && fail "there is a cache before anything was mounted"

echo "== try"
inside /tmp/mount-test

# The same package, said to be of another version.
renamed() { # VERSION-SUFFIX
  rm -rf /tmp/unpacked
  dpkg-deb -R /tmp/package.deb /tmp/unpacked
  sed -i "s/^Version: .*/&$1/" /tmp/unpacked/DEBIAN/control
  dpkg-deb --root-owner-group -b /tmp/unpacked "/tmp/package$1.deb" >/dev/null
}
installed() { inside dpkg-query -W -f '${Version}' lazymirror; }

echo "== upgrade, with options that somebody has set and while trees are in use"
echo 'ttl = 1h' >>"/etc/lazymirror/lazymirror.conf"
before=$(installed)
renamed +1
renamed +2
cat >/tmp/upgrade <<'STEP'
#!/bin/sh
set -e
if [ -e /tmp/package+1.deb ]; then next=/tmp/package+1.deb; else next=/tmp/package+2.deb; fi
apt-get -q=2 -y install "$next"
rm "$next"
STEP
chmod +x /tmp/upgrade
inside /tmp/mount-test /tmp/upgrade
[ "$(installed)" = "$before+2" ] || fail "it was not upgraded"
grep -q '^ttl = 1h' "/etc/lazymirror/lazymirror.conf" || fail "an upgrade lost the options"

echo "== remove"
inside dpkg -r lazymirror
grep -q '^ttl = 1h' "/etc/lazymirror/lazymirror.conf" || fail "removing lost the options"
inside sh -c '! command -v lazymirror' || fail "the program is still there"

echo "== purge"
inside dpkg -P lazymirror | tee "/tmp/said"
grep -q '/var/cache/lazymirror' "/tmp/said" || fail "purge does not tell of the cache"
[ -d "/var/cache/lazymirror" ] || fail "purge took the cache away"
if left | grep .; then fail "purge leaves the files above"; fi
echo "install: all is well"
