#!/usr/bin/env bash
# Validation accuracy of a network of 3 x 100 ReLU units on Fashion-MNIST under
# each optimizer, as in the notebook of chapter 11 of Hands-On Machine Learning
# (3rd edition): pixels / 255, He normal, batches of 32, rate 0.001, 10 epochs,
# the last 5,000 training images for validation, Keras' numbers and epsilons.
# After them, batch norm and PReLU as in the 2nd edition. Prints every seed and
# the mean, and fails where a mean is farther from the published figure of one
# run than its tolerance (0.012 for optimizers). Needs build/release
# (tools/quickstart.sh), or the path of the command line in EVENGRAD.
# Usage: tools/optimizer_figures.sh [seeds]
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-"1 2 3"}
evengrad=${EVENGRAD:-build/release/tools/evengrad}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failures=0

# last_accuracy FLAGS...: trains, prints the last epoch's validation accuracy.
last_accuracy() {
  nice "$evengrad" train --threads=1 --batch-size=32 \
    --epochs=10 --learning-rate=1e-3 --scale=unit --json="$log" "$@" \
    >/dev/null || return
  sed -n 's/.*"validation_accuracy": *\([0-9.]*\).*/\1/p' "$log" | tail -1
}

# figure NAME PUBLISHED TOLERANCE FLAGS...
figure() {
  local name=$1 published=$2 tolerance=$3 found=() accuracy
  shift 3
  for seed in $seeds; do
    accuracy=$(last_accuracy --seed="$seed" "$@")
    found+=("$accuracy")
  done
  printf '%s\n' "${found[@]}" |
    awk -v name="$name" -v published="$published" -v tolerance="$tolerance" '
      { sum += $1; all = all " " $1 }
      END {
        mean = sum / NR
        away = mean - published
        verdict = (away < 0 ? -away : away) <= tolerance ? "" : "  TOO FAR"
        printf "%-22s published %.4f  mean %.4f  (%+.4f)  seeds%s%s\n",
          name, published, mean, away, all, verdict
        exit verdict != ""
      }' || failures=$((failures + 1))
}

# optimizer NAME PUBLISHED FLAGS...
optimizer() {
  local name=$1 published=$2
  shift 2
  figure "$name" "$published" 0.012 --hidden=3x100 --activation=relu \
    --initializer=he_normal --validation=last:5000 "$@"
}

optimizer momentum .8672 --optimizer=momentum
optimizer Nesterov .8708 --optimizer=nesterov
optimizer AdaGrad .8424 \
  --optimizer=adagrad,initial_accumulator=0.1,epsilon_in_root=1e-7
optimizer RMSProp .8636 --optimizer=rmsprop,decay=0.9,epsilon_in_root=1e-7
optimizer Adam .8696 --optimizer=adam,epsilon=1e-7
optimizer Adamax .8780 --optimizer=adamax,epsilon=1e-7
optimizer Nadam .8740 --optimizer=nadam,epsilon=1e-7,momentum_decay=1
optimizer AdamW .8702 --optimizer=adamw,epsilon=1e-7 --weight-decay=1e-5

# The notebook of the 2nd edition: layers of 300 and 100 units, plain SGD, the
# first 5,000 images for validation, batch norm of the pixels too.
# second NAME PUBLISHED TOLERANCE FLAGS...
second() {
  local name=$1 published=$2 tolerance=$3
  shift 3
  figure "$name" "$published" "$tolerance" --hidden=300,100 --optimizer=sgd \
    --validation=first:5000 "$@"
}

second "batch norm after" .8750 0.008 --activation=relu \
  --initializer=glorot_uniform --batch-norm=after:keras --batch-norm-input
second "batch norm before" .8660 0.008 --activation=relu \
  --initializer=glorot_uniform --batch-norm=before:keras --batch-norm-input
second PReLU .8398 0.006 --activation=prelu:0 --initializer=he_normal

exit $((failures > 0))
