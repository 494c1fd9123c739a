#!/bin/sh
# Installs a release of Spotmill from its tarball, without root: both programs go to one folder, and what `spotmill deploy`
# sends to AWS goes to share/spotmill beside that folder. It checks the tarball against SHA256SUMS beside it, replaces programs
# by a rename, and runs what it installed once.
#
#     sh install.sh spotmill-0.1.0-x86_64-linux.tar.gz [FOLDER]
#     sh install.sh https://HOST/RELEASE/spotmill-0.1.0-x86_64-linux.tar.gz [FOLDER]
#
# FOLDER is ~/.local/bin where none is named.
set -eu

fail() {
  echo "install: $1" >&2
  exit 1
}

fetch() { # FROM TO
  case $1 in
    https://*) if command -v curl >/dev/null; then curl -fsSL -o "$2" "$1"; else wget -q -O "$2" "$1"; fi ;;
    *) cp "$1" "$2" ;;
  esac || fail "cannot get $1"
}

[ $# -ge 1 ] || fail "expected a tarball: sh install.sh FILE|URL [FOLDER]"
from=$1
folder=${2:-$HOME/.local/bin}
name=${from##*/}
place=$(dirname "$from")
case $name in
  *-"$(uname -m)"-linux.tar.gz) ;;
  *) fail "$name is not for this machine, which is $(uname -m) Linux" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$from" "$work/$name"
fetch "$place/SHA256SUMS" "$work/SHA256SUMS"
grep "  $name\$" "$work/SHA256SUMS" >"$work/sum" || fail "SHA256SUMS does not name $name"
(cd "$work" && sha256sum --check --quiet sum) || fail "$name is not what SHA256SUMS says; fetch it again"

tar -xzf "$work/$name" -C "$work" || fail "cannot unpack $name"
mkdir -p "$folder"
# Before the programs, which look for their own version's.
for release in "$work"/spotmill-*-linux/share/spotmill/*; do
  [ -d "$release" ] || continue
  shared=$(dirname "$folder")/share/spotmill/${release##*/}
  rm -rf "$shared.new"
  mkdir -p "$shared.new"
  cp -R "$release/." "$shared.new"
  rm -rf "$shared"
  mv "$shared.new" "$shared"
done
for program in spotmill-worker spotmill; do
  # Beside its place first: a rename within one folder is whole or not at all, also while the old one runs.
  cp "$work"/spotmill-*-linux/"$program" "$folder/.$program.new"
  mv -f "$folder/.$program.new" "$folder/$program"
done
"$folder/spotmill" --version || fail "$folder/spotmill does not run here"
case :$PATH: in
  *:"$folder":*) echo "Next: spotmill init shop" ;;
  *) echo "Next: export PATH=\"$folder:\$PATH\"; spotmill init shop" ;;
esac
