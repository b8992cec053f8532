#!/usr/bin/env bash
# The figures of the README's table: networks of the handson-ml2 notebook on
# Fashion-MNIST, several seeds each. Prints the validation accuracy of the first
# and the last epoch for every run. Needs build/release (tools/quickstart.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run NAME SEEDS FLAGS...
run() {
  local name=$1 seeds=$2
  shift 2
  for seed in $seeds; do
    build/release/tools/evengrad train --optimizer=sgd --learning-rate=1e-3 \
      --batch-size=32 --validation=first:5000 --seed="$seed" --json="$log" \
      "$@" >/dev/null 2>&1
    sed -n 's/.*"validation_accuracy": *\([0-9.]*\).*/\1/p' "$log" |
      awk -v name="$name" -v seed="$seed" \
        'NR == 1 { first = $1 } { last = $1 }
         END { printf "%-28s seed %d  first %.4f  last %.4f\n",
               name, seed, first, last }'
  done
}

run "SELU 300+99x100, 5 epochs" "42 43 44 45 46" --hidden=300,99x100 \
  --activation=selu --scale=standardize --epochs=5
run "ReLU 300+99x100, 5 epochs" "42 43 44 45 46" --hidden=300,99x100 \
  --activation=relu --scale=standardize --epochs=5
run "leaky ReLU 300-100, 10 epochs" "42 43 44" --hidden=300,100 \
  --activation=leaky_relu:0.3 --initializer=he_normal --scale=unit --epochs=10
