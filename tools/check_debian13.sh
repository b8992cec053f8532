#!/usr/bin/env bash
# Builds and tests on Debian 13 (oneDNN 3.x, a newer Abseil, GCC 14) in a folder
# that debootstrap fills. Needs root. Run again, it takes up where it stopped.
#
#   tools/check_debian13.sh [FOLDER]      default: build/debian13
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(realpath -m "${1:-build/debian13}")

if ((EUID != 0)); then
  echo "tools/check_debian13.sh: needs root (debootstrap, chroot)" >&2
  exit 1
fi
command -v debootstrap >/dev/null ||
  { apt-get update -qq && apt-get install -y -qq debootstrap >/dev/null; }

# The mirror and the proxy settings this machine uses for itself.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
  head -n 1)

if [[ ! -f $root/.bootstrapped ]]; then
  rm -rf "$root"
  mkdir -p "$root"
  debootstrap --variant=minbase trixie "$root" "$mirror"
  cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
  for file in /etc/apt/auth.conf.d /usr/local/share/ca-certificates \
    /etc/ssl/certs; do
    [[ ! -d $file ]] || { mkdir -p "$root$file" && cp -rn "$file/." "$root$file/"; }
  done
  touch "$root/.bootstrapped"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
trap 'umount "$root/proc" || true' EXIT

# Not a folder of the project's own name, which include lines hold.
mkdir -p "$root/srv/checkout"
tar --exclude=./build --exclude=./.git -cf - . | tar -C "$root/srv/checkout" -xf -
chroot "$root" env DEBIAN_FRONTEND=noninteractive bash -euc '
  cd /srv/checkout
  tools/install_packages.sh check
  cmake --preset dev >/dev/null
  cmake --build --preset dev -j "$(nproc)"
  ctest --preset dev -j "$(nproc)"
'
