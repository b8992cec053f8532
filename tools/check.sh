#!/usr/bin/env bash
# Everything that must hold before a change lands, from a bare Debian 12:
# installs the packages, checks formatting, builds with GCC (preset dev) and
# with clang and sanitizers (preset asan), compiles every public header alone,
# and runs the tests of both builds. The last lines are CTest's summary.
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=$(nproc)

tools/install_packages.sh check

echo "== formatting"
find graph ops autodiff runtime formats train tools examples benchmarks tests \
  \( -name '*.h' -o -name '*.cc' \) -print0 |
  xargs -0 clang-format --dry-run -Werror

launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
for preset in dev asan; do
  echo "== build/$preset"
  cmake --preset "$preset" "${launcher[@]}" >/dev/null
  cmake --build --preset "$preset" -j "$jobs"
done
cmake --build --preset dev -j "$jobs" --target all_verify_interface_header_sets

echo "== tests, with sanitizers"
ctest --preset asan -j "$jobs" --progress
echo "== tests"
ctest --preset dev -j "$jobs" --progress
