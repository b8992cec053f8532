#!/usr/bin/env bash
# Installs the Debian packages of tools/packages.txt that are missing.
#
#   tools/install_packages.sh          to build and run
#   tools/install_packages.sh check    for tools/check.sh too
#   tools/install_packages.sh clang    for the sanitizers, lint and fuzzing too
set -euo pipefail
cd "$(dirname "$0")"

case "${1:-build}" in
  build) uses='^build$' ;;
  check) uses='^(build|check)$' ;;
  clang) uses='^(build|check|clang)$' ;;
  *)
    echo "usage: tools/install_packages.sh [build|check|clang]" >&2
    exit 2
    ;;
esac

missing=()
while read -r package; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $state == installed ]] || missing+=("$package")
done < <(awk -v uses="$uses" '$1 ~ uses { print $2 }' packages.txt)
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "tools/install_packages.sh: these Debian packages are missing, and" \
      "installing them needs root or sudo: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
  --no-install-recommends "${missing[@]}" >/dev/null
