#!/usr/bin/env bash
# What is installed serves a project elsewhere: find_package, the headers alone,
# and the command line with its library.
#
#   tests/install_test.sh TREE BUILD_TREE
set -euo pipefail
tree=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$tree/tests/consumer" -B "$work/consumer" -G Ninja \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/consumer"
slope=$("$work/consumer/consumer")
if [[ $slope != 3.000 ]]; then
  echo "consumer printed '$slope', expected 3.000" >&2
  exit 1
fi
"$work/prefix/bin/evengrad" ops | grep -q selu
if grep -rl "$tree\|$build" "$work/prefix/include" "$work/prefix/lib"/*/cmake; then
  echo "an installed file names the build machine's folders" >&2
  exit 1
fi
