#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# reproducible.sh DIRECTORY: the package that lies there is made once more, by
# somebody with other habits in another place, and is the same to the byte.
set -euo pipefail

first=$(echo "$1"/lazymirror_*.deb)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/somewhere/else, quite far away" "$work/home"
(
  umask 027
  export TMPDIR="$work/somewhere/else, quite far away" HOME="$work/home"
  export TZ=Pacific/Kiritimati LC_ALL=C LANG=C USER=somebody
  "$(dirname "$0")/../../scripts/package" "$work/second"
)
second=$(echo "$work"/second/lazymirror_*.deb)
if cmp "$first" "$second"; then
  echo "the package is the same twice"
  exit 0
fi
if command -v diffoscope >/dev/null; then diffoscope "$first" "$second" | head -n 200; fi
exit 1
