#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# release.sh RELEASE DIRECTORY, by hand: the package of this checkout for
# another release of Debian ("trixie"), made, checked, installed, tried and
# purged there: in a root of that release which debootstrap makes at DIRECTORY
# (kept, and taken up again when it is there), from the mirror that apt uses
# here. The package is left in DIRECTORY/package. Needs root, debootstrap and
# network. With systemd-nspawn here and --service, also as a service there.
set -euo pipefail

release=$1
place=$(realpath -m "$2")
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
root=$place/root
[ "$(id -u)" = 0 ] || { echo "release: needs root" >&2; exit 1; }

mirror() {
  local codename
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" 'Component: main' \
    'Created-By: Packages' | head -n 1
}

# In the root, with nothing of it left mounted or running afterwards.
inside() {
  # shellcheck disable=SC2016 # expanded within
  unshare --mount --pid --fork --kill-child --propagation private sh -c '
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    exec chroot "$0" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive "$@"' "$root" "$@"
}

if [ ! -e "$root/.ready" ]; then
  mkdir -p "$place"
  debootstrap --variant=minbase --include=ca-certificates "$release" "$root" "$(mirror)" \
    >"$place/debootstrap.log"
  touch "$root/.ready"
fi
[ ! -e /etc/resolv.conf ] || cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"

echo "== $release: build"
rm -rf "$root/build" "$place/package"
mkdir -p "$root/build/lazymirror"
(cd "$source" && git ls-files -coz --exclude-standard |
  tar -c --null --ignore-failed-read -T -) | tar -x -C "$root/build/lazymirror"
commit=$(git -C "$source" rev-parse --short=12 HEAD)
inside apt-get -q=2 update
inside apt-get -q=2 -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
  build-essential lintian python3 xfsprogs procps man-db systemd dbus >/dev/null
inside sh -c 'cd /build/lazymirror && cp -r packaging/debian . &&
  apt-get -q=2 -y -o Dpkg::Use-Pty=0 build-dep --no-install-recommends ./ && rm -rf debian' >/dev/null
inside env LAZYMIRROR_COMMIT="$commit" DEB_CXXFLAGS_APPEND="${DEB_CXXFLAGS_APPEND:-}" \
  /build/lazymirror/scripts/package /build/package
cp -r "$root/build/package" "$place/package"

echo "== $release: lint"
inside env LAZYMIRROR_CI=1 /build/lazymirror/tests/package/lint_package.sh /build/package

LAZYMIRROR_ROOT=$root "$here/install.sh" "$place/package"
if [ "${3:-}" = --service ]; then
  # What the package depends on; there is no network where it is installed.
  inside apt-get -q=2 -y -o Dpkg::Use-Pty=0 install --no-install-recommends adduser fuse3 >/dev/null
  LAZYMIRROR_ROOT=$root "$here/service.sh" "$place/package"
fi
echo "release: all is well on $release"
