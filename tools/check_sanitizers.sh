#!/usr/bin/env bash
# Builds with clang, address and undefined-behaviour sanitizers (preset asan),
# and runs the tests. With "thread" as the argument: the thread sanitizer
# (preset tsan).
# Usage: tools/check_sanitizers.sh [thread]
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)
preset=asan
[[ ${1:-} != thread ]] || preset=tsan

tools/install_packages.sh clang
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -j "$jobs"
ctest --preset "$preset" -j "$jobs" --progress
