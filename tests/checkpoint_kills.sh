#!/usr/bin/env bash
# Kills training runs at random moments, most of them while they save, and lets
# them go on: each must end with the very file of a run that was not killed.
#
#   tests/checkpoint_kills.sh EVENGRAD [KILLS]     KILLS is 1000
#
# EVENGRAD is the path of the command line. Not part of the tests: it takes
# several minutes. Prints what was done; exit code 1 at the first loss.
set -euo pipefail
evengrad=${1:?usage: tests/checkpoint_kills.sh EVENGRAD [KILLS]}
wanted=${2:-1000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk 'BEGIN {
  print "label,a,b,c,d"
  for (i = 0; i < 90; ++i) {
    line = i % 3
    for (j = 0; j < 4; ++j)
      line = line "," (i * 31 + j * 17) % 50 + (j == i % 3 ? 100 : 0)
    print line
  }
}' >"$folder/data.csv"
# A checkpoint after each of 300 steps.
train=("$evengrad" train "--data=$folder/data.csv" --classes=3 --hidden=2x64
  --validation=9 --batch-size=9 --epochs=34 --optimizer=adam --threads=1
  --checkpoint-every=1 --keep=2)

start=${EPOCHREALTIME/./}
"${train[@]}" --checkpoint="$folder/whole" >/dev/null
length=$((${EPOCHREALTIME/./} - start))  # microseconds
whole=$(find "$folder/whole" -name 'checkpoint-*.safetensors' | sort | tail -1)

kills=0
runs=0
while ((kills < wanted)); do
  rm -rf "$folder/cut"
  while true; do
    "${train[@]}" --checkpoint="$folder/cut" --resume \
      >/dev/null 2>"$folder/error" &
    run=$!
    sleep "$(awk -v whole="$length" -v random="$RANDOM" \
      'BEGIN { printf "%.4f", whole / 1e6 / 3 * random / 32768 }')"
    kill -KILL "$run" 2>/dev/null || true
    code=0
    wait "$run" 2>/dev/null || code=$?
    if ((code == 137)); then
      ((++kills))
    elif ((code == 0)); then
      break
    else
      echo "kill $kills: the run that went on failed: $(cat "$folder/error")" >&2
      exit 1
    fi
  done
  ((++runs))
  if ! cmp "$whole" "$folder/cut/$(basename "$whole")"; then
    echo "run $runs, kill $kills: the result is another one" >&2
    exit 1
  fi
done
echo "$kills kills in $runs runs; every run ended with the same file"
