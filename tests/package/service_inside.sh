#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Run by service.sh, under systemd: the service in both modes is started, read,
# killed, hung, restarted and stopped; a line of fstab is mounted by its unit.
set -Eeuo pipefail
exec 2>&1
trap 'journalctl --no-pager -n 60 -u "lazymirror@*" -u "mnt-*" 2>/dev/null | cut -c1-220' ERR

fail() {
  echo "FAILED: $*"
  false
}
wait_for() { # at most 60 s
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "waited in vain for: $*"
}
main_pid() { systemctl show -P MainPID "$1"; }
restarted() { [ "$(main_pid "$1")" != 0 ] && [ "$(main_pid "$1")" != "$2" ] && systemctl -q is-active "$1"; }

dpkg -i /root/package.deb
mkdir -p /root/tree /mnt/fuse /mnt/fstab
head -c 3000000 /dev/urandom >/root/tree/file
for i in $(seq 200); do echo "$i" >"/root/tree/$i"; done
for i in $(seq 0 39); do
  mkdir -p "/root/tree/cold$i/er"
  cp /root/tree/7 "/root/tree/cold$i/er/f"
done
python3 -u -m http.server 8080 --bind 127.0.0.1 --directory /root/tree >/dev/null 2>&1 &
wait_for python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8080))'

cat >/etc/lazymirror/fuse.conf <<CONF
url = http://127.0.0.1:8080/
directory = /mnt/fuse
CONF
cat >/etc/lazymirror/place.conf <<CONF
mode = watch
url = http://127.0.0.1:8080/
cache-location = /srv/mirror/cache
CONF
mkdir -p /etc/systemd/system/lazymirror@.service.d
printf '[Service]\nWatchdogSec=4\nStartLimitBurst=50\n' >/etc/systemd/system/lazymirror@.service.d/test.conf
systemctl daemon-reload

try() { # NAME DIRECTORY
  local unit=lazymirror@$1 place=$2 pid
  echo "== $1: start and read"
  systemctl start "$unit"
  systemctl show -P StatusText "$unit"
  cmp "$place/file" /root/tree/file
  echo "== $1: killed"
  pid=$(main_pid "$unit")
  kill -9 "$pid"
  wait_for restarted "$unit" "$pid"
  cmp "$place/file" /root/tree/file
  cmp "$place/7" /root/tree/7
  echo "== $1: hung"
  pid=$(main_pid "$unit")
  kill -STOP "$pid"
  wait_for restarted "$unit" "$pid"
  cmp "$place/8" /root/tree/8
  echo "== $1: restart"
  systemctl restart "$unit"
  cmp "$place/9" /root/tree/9
  echo "== $1: alive for three periods of the watchdog"
  pid=$(main_pid "$unit")
  sleep 12
  [ "$(main_pid "$unit")" = "$pid" ] || fail "the watchdog ended a service that lives"
  echo "== $1: stop"
  systemctl stop "$unit"
  ! grep -F " $place" /proc/self/mountinfo || fail "something is still mounted"
  [ "$(systemctl show -P Result "$unit")" = success ] || fail "the service ended badly"
  ! pgrep -x lazymirror || fail "a process goes on"
}
# Every byte is compared, also of what is evicted meanwhile; names in directories
# that are not listed yet are looked up.
under_load() { # UNIT DIRECTORY
  local pid readers=() i
  rm -f /root/wrong /root/enough
  for i in 1 2 3; do
    (until [ -e /root/enough ]; do
      cmp -s "$2/file" /root/tree/file || echo "file: $?" >>/root/wrong
      for n in $(seq 3); do
        cmp -s "$2/cold$((RANDOM % 40))/er/f" /root/tree/7 || echo "cold: $?" >>/root/wrong
      done
      echo >>/root/reads
    done) &
    readers+=($!)
  done
  for i in $(seq 8); do
    pid=$(main_pid "$1")
    systemctl restart "$1"
    [ "$(main_pid "$1")" != "$pid" ] || fail "it was not restarted"
    lazymirror evict "$2/file" >/dev/null 2>&1 || true
  done
  touch /root/enough
  wait "${readers[@]}"
  [ ! -e /root/wrong ] || fail "readers noticed a restart: $(sort /root/wrong | uniq -c | head -n 5)"
  echo "$(wc -l </root/reads) rounds of readers"
  [ "$(journalctl -b --no-pager -u "$1" | grep -c 'taking over from the keeper before')" -ge 8 ] ||
    fail "nobody was taken over"
}
try fuse /mnt/fuse
try place /srv/mirror/cache/data
echo "== place: restarted eight times under load"
systemctl start lazymirror@place
under_load lazymirror@place.service /srv/mirror/cache/data
echo "== place: stop during a restart that cannot come"
mv /etc/lazymirror/place.conf /root
echo 'nonsense = 1' >/etc/lazymirror/place.conf
systemctl restart lazymirror@place && fail "it started with a config that is wrong"
systemctl stop lazymirror@place
wait_for sh -c '! grep -qF " /srv/mirror/cache/data" /proc/self/mountinfo'
wait_for sh -c '! pgrep -x lazymirror'
mv /root/place.conf /etc/lazymirror/place.conf

fstab() { # OPTIONS
  sed -i '/lazymirror/d' /etc/fstab
  echo "http://127.0.0.1:8080/ /mnt/fstab lazymirror ro,_netdev,nofail$1,cache-location=/var/cache/lazymirror/fstab 0 0" >>/etc/fstab
  systemctl daemon-reload
}
not_mounted() { ! grep -F ' /mnt/fstab' /proc/self/mountinfo; }
echo "== a line of fstab, as a mount unit"
fstab ''
systemctl start mnt-fstab.mount
cmp /mnt/fstab/file /root/tree/file
systemctl stop mnt-fstab.mount
not_mounted || fail "something is still mounted"
wait_for sh -c '! pgrep -x mount.lazymirro'

echo "== with x-systemd.automount: by the first look, by hand, and after the time in which nobody looked"
fstab ,x-systemd.automount,x-systemd.idle-timeout=1s
systemctl start mnt-fstab.automount
cmp /mnt/fstab/file /root/tree/file
wait_for sh -c '! grep -qF fuse.lazymirror /proc/self/mountinfo'
mount /mnt/fstab
cmp /mnt/fstab/file /root/tree/file
umount /mnt/fstab
cmp /mnt/fstab/7 /root/tree/7
systemctl stop mnt-fstab.automount mnt-fstab.mount
not_mounted || fail "something is still mounted"
wait_for sh -c '! pgrep -x mount.lazymirro'
rm -rf /var/cache/lazymirror/fstab /etc/lazymirror/fuse.conf /etc/lazymirror/place.conf

echo "== purge"
dpkg -P lazymirror
echo "all is well"
