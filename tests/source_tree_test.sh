#!/usr/bin/env bash
# A project that has Evengrad's sources in its own, by add_subdirectory and by
# FetchContent.
#
#   tests/source_tree_test.sh TREE configure    configures both (seconds)
#   tests/source_tree_test.sh TREE build        builds and runs both (minutes)
set -euo pipefail
tree=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
export CCACHE_NOHASHDIR=1
for route in add_subdirectory fetch_content; do
  # The same folder for both, so that a compiler cache serves the second.
  cmake -S "$tree/tests/consumer/$route" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
    -DEVENGRAD_TREE="$tree" "${launcher[@]}" >/dev/null
  # What is for developers stays out of a user's project.
  targets=$(ninja -C "$work/build" -t targets all)
  if grep -qE '(^|/)(evengrad_command|first_network|ops_test|bin/evengrad)\b' \
    <<<"$targets"; then
    echo "$route: tools, tests or examples are part of the project" >&2
    exit 1
  fi
  if [[ $2 == build ]]; then
    cmake --build "$work/build" -j "$(nproc)" >"$work/log" ||
      { tail -50 "$work/log"; exit 1; }
    slope=$("$work/build/consumer")
    if [[ $slope != 3.000 ]]; then
      echo "$route: consumer printed '$slope', expected 3.000" >&2
      exit 1
    fi
    if [[ -x $work/build/consumer_test ]]; then "$work/build/consumer_test"; fi
  fi
  rm -rf "$work/build"
done
