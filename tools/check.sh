#!/usr/bin/env bash
# Everything that must hold before a change lands, from a bare Debian 12:
# installs the packages, checks formatting, builds (preset dev), compiles every
# public header alone, and runs the tests. The last lines are CTest's summary.
# The same tests with sanitizers, by clang: tools/check_sanitizers.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)

tools/install_packages.sh check

echo "== formatting"
find graph ops autodiff runtime formats train tools examples benchmarks tests \
  \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0 -n 50 -P "$jobs" clang-format --dry-run -Werror

echo "== build/dev"
cmake --preset dev >/dev/null
cmake --build --preset dev -j "$jobs"
cmake --build --preset dev -j "$jobs" --target all_verify_interface_header_sets

echo "== tests"
ctest --preset dev -j "$jobs" --progress
