#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# service.sh DIRECTORY: the package that lies there under a real systemd, by
# hand: a copy of this machine's root file system (an overlay in memory), or of
# that at $LAZYMIRROR_ROOT, is booted by systemd-nspawn (packages systemd,
# systemd-container), without a network, and service_inside.sh runs there. The
# tree in place lies on a loop device. The machine does not notice.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] || { echo "service: needs root" >&2; exit 1; }
  command -v systemd-nspawn >/dev/null || { echo "service: install systemd-container" >&2; exit 1; }
  exec timeout --kill-after=10 300 unshare --mount --pid --fork --kill-child --mount-proc \
    --propagation private \
    "$0" --inside "$1"/lazymirror_*.deb "${LAZYMIRROR_ROOT:-/}"
fi

here=$(cd "$(dirname "$0")" && pwd)
memory=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/root" "$memory/mirror"
root=$memory/root
mount -t overlay overlay "$root" -o "lowerdir=$3,upperdir=$memory/upper,workdir=$memory/work"
truncate -s 400M "$memory/image"
mkfs.xfs -q "$memory/image"
mount -o loop "$memory/image" "$memory/mirror"
trap 'cat "$root/root/result" 2>/dev/null; umount "$memory/mirror"; umount -l "$memory"; rmdir "$memory"' EXIT

# Of the machine's own services none is started.
rm -f "$root"/etc/systemd/system/*.wants/* "$root/etc/fstab"
for service in nginx apache2 cron ssh getty@ console-getty; do
  ln -sf /dev/null "$root/etc/systemd/system/$service.service"
done
: >"$root/etc/machine-id"
: >"$root/etc/fstab"
cp "$2" "$root/root/package.deb"
cp "$here/service_inside.sh" "$root/root/test"
cat >"$root/etc/systemd/system/test.service" <<UNIT
[Service]
Type=oneshot
ExecStart=/bin/bash /root/test
StandardOutput=file:/root/result
StandardError=file:/root/result
ExecStopPost=/bin/systemctl --force --force poweroff
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../test.service "$root/etc/systemd/system/multi-user.target.wants/test.service"

binds=(--bind=/dev/fuse "--bind=$memory/mirror:/srv/mirror")
[ ! -e /dev/autofs ] || binds+=(--bind=/dev/autofs)
systemd-nspawn --quiet -D "$root" --machine=lazymirror-test --register=no --keep-unit --private-network \
  --capability=all --system-call-filter="fanotify_init fanotify_mark @mount @setuid @keyring" \
  "${binds[@]}" --console=pipe \
  --boot -- systemd.unit=multi-user.target systemd.show_status=false >"$memory/console" 2>&1 </dev/null || tail -n 20 "$memory/console"
grep -q '^all is well$' "$root/root/result"
