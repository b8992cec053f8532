#!/usr/bin/env bash
# Builds the fuzz targets (tests/fuzz) with clang, libFuzzer and the address and
# undefined-behaviour sanitizers, and runs each for a time.
#
#   tools/fuzz.sh SECONDS [TARGET...]     tools/fuzz.sh 600 npz csv
#
# What is found to be new is kept in build/fuzz/corpus. Prints a line a target;
# exit code 1 at a finding, whose input is kept in build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: tools/fuzz.sh SECONDS [TARGET...]}
shift
if (($#)); then
  targets=("$@")
else
  mapfile -t targets < <(find tests/fuzz -name '*_fuzz.cc' -printf '%f\n' |
    sed 's/_fuzz\.cc$//' | sort)
fi

build=${EVENGRAD_FUZZ_BUILD:-build/fuzz}
if [[ $build == build/fuzz ]]; then
  tools/install_packages.sh clang
  cmake --preset fuzz >/dev/null
  cmake --build --preset fuzz --target "${targets[@]/%/_fuzz}"
fi
mkdir -p build/fuzz/findings
failed=0
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target
  log=build/fuzz/$target.log
  mkdir -p "$corpus"
  program=$(find "$build" -name "${target}_fuzz" -type f -executable | head -1)
  if ! "$program" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
    -max_len=8192 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" \
    "$corpus" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    failed=1
    echo "$target: a finding, see $log" >&2
    continue
  fi
  awk -v target="$target" '
    /stat::number_of_executed_units/ { runs = $2 }
    /stat::average_exec_per_sec/ { rate = $2 }
    END { printf "%-20s %d executions, %d a second, no finding\n",
                 target ":", runs, rate }' "$log"
done
exit "$failed"
