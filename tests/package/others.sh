#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# others.sh DIRECTORY, by hand, on Debian with its packages rpm, rpmlint and
# makepkg: the spec and the PKGBUILD are checked and built, without the
# dependencies that only Fedora and Arch have under these names, and hold the
# files that the Debian package at DIRECTORY holds. Installs nothing.
# LAZYMIRROR_FLAGS="-O0" builds in less time.
set -euo pipefail

source=$(cd "$(dirname "$0")/../.." && pwd)
deb=$(echo "$1"/lazymirror_*.deb)
flags=${LAZYMIRROR_FLAGS:--O2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' "$source/CMakeLists.txt")
archive=lazymirror-$version.tar.gz

# Each distribution has its own places; what they have in common is compared.
plain() {
  sed -E -e 's|^\./|/|; s|/$||; s|^/lib/|/usr/lib/|' -e 's|/usr/s?bin/|/usr/bin/|' -e 's|\.gz$||' \
    -e 's|zsh/(site-functions\|vendor-completions)|zsh/COMPLETIONS|' |
    grep -E '^/(usr/(bin|lib)|usr/share/(man|bash-completion|zsh|fish)|etc)/.*[^/]$' |
    grep -vE '/\.build-id|/debug/' | sort -u
}
only_files() { grep -vE '^d' | awk '{print $NF}'; }
same() { # NAME, file list on standard input
  plain >"$work/files.$1"
  diff "$work/files.debian" "$work/files.$1" || { echo "others: $1 and Debian differ in the files above" >&2; exit 1; }
  echo "others: $1 is fine"
}
dpkg-deb -c "$deb" | sed 's/ -> .*//' | only_files | plain >"$work/files.debian"
git -C "$source" archive --prefix="lazymirror-$version/" -o "$work/$archive" HEAD

echo "== rpm"
rpmlint "$source/packaging/rpm/lazymirror.spec"
mkdir -p "$work/rpm/SOURCES"
cp "$work/$archive" "$work/rpm/SOURCES"
rpmbuild -bb --nodeps --define "_topdir $work/rpm" --define '_unitdir /usr/lib/systemd/system' \
  --define '_sysusersdir /usr/lib/sysusers.d' --define "optflags $flags" --define 'debug_package %{nil}' \
  "$source/packaging/rpm/lazymirror.spec" >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
rpm=$(find "$work/rpm/RPMS" -name '*.rpm')
rpmlint --ignore-unused-rpmlintrc "$rpm" || true # in words of another distribution
rpm -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$rpm" | only_files | same rpm

echo "== arch"
mkdir "$work/arch"
cp "$source/packaging/arch/PKGBUILD" "$work/$archive" "$work/arch"
chmod 755 "$work"
chown -R nobody "$work/arch"
(cd "$work/arch" && setpriv --reuid=nobody --clear-groups env HOME="$work/arch" CXXFLAGS="$flags" \
  PACMAN=true PKGEXT=.pkg.tar.gz makepkg --nodeps --noconfirm) >"$work/log" 2>&1 || { tail -n 30 "$work/log"; exit 1; }
tar -tf "$work"/arch/lazymirror-*.pkg.tar.gz | grep -v '/$' | sed 's|^|/|' | same arch
