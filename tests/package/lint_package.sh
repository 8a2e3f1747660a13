#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# lint_package.sh DIRECTORY: the package there has no fault that lintian calls
# an error, and its program is hardened. Exit status 77: lintian is missing.
set -euo pipefail

if ! command -v lintian >/dev/null; then
  echo "lintian is not installed (scripts/install-deps --tests)"
  [ "${LAZYMIRROR_CI:-}" = 1 ] && exit 1 || exit 77
fi
lintian --allow-root --fail-on error "$1"/lazymirror_*.deb

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$1"/lazymirror_*.deb "$work"
program=$work/usr/bin/lazymirror
fail() {
  echo "the program is not hardened: $*" >&2
  exit 1
}
readelf -hlW "$program" >"$work/head"
grep -q 'Type: *DYN' "$work/head" || fail "no position independent executable"
grep -q GNU_RELRO "$work/head" || fail "no RELRO"
grep -q 'GNU_STACK.*RW ' "$work/head" || fail "an executable stack"
readelf -dW "$program" | grep -q 'BIND_NOW\|FLAGS.*NOW' || fail "symbols are bound late"
readelf -sW --dyn-syms "$program" >"$work/symbols"
grep -q __stack_chk_fail "$work/symbols" || fail "no stack protector"
grep -q '_chk@' "$work/symbols" || fail "no fortified functions"
# Debian 12 builds nothing with -fcf-protection.
if command -v hardening-check >/dev/null; then
  hardening-check --nocfprotection "$program" >/dev/null || fail "says hardening-check"
fi
# Every compiler call had the flags of dpkg-buildflags, where the log is at hand;
# that of PIE is the compiler's default, and looked at above.
if command -v blhc >/dev/null && [ -e "$1/log" ]; then
  blhc --bindnow --ignore-flag -fPIE --ignore-flag -pie --line-numbers "$1/log" || fail "says blhc, of the build's log"
fi
if grep -aq '/tmp/tmp\.' "$program"; then fail "a path of this machine is in it"; fi
echo "lintian has no errors; the program is hardened"
