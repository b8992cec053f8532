#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) on what the dev preset compiles.
#
#   tools/lint.sh                     all sources
#   tools/lint.sh ops/selu.cc …       these
#
# Prints the findings; exit code 1 when there are any.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_packages.sh clang
# Precompiled headers are GCC's.
cmake --preset dev -B build/lint -DEVENGRAD_PRECOMPILE_HEADERS=OFF >/dev/null
if (($#)); then
  sources=("$@")
else
  mapfile -t sources < <(find graph ops autodiff runtime formats train tools \
    examples benchmarks tests -name '*.cc' | sort)
fi
printf '%s\n' "${sources[@]}" |
  xargs -P "$(nproc)" -n 1 clang-tidy -p build/lint --quiet 2>/dev/null
