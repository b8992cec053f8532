#!/usr/bin/env bash
# A run of 100,000 steps with all statistics in every step, in all files: its
# memory does not grow after the first 1,000, and its report stays below 2 MB.
#
#   tools/check_memory.sh [EVENGRAD]
set -euo pipefail
cd "$(dirname "$0")/.."
evengrad=${1:-build/dev/tools/evengrad}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# 8,000 rows to train on: 1,000 steps an epoch.
awk 'BEGIN {
  srand(1)
  print "a,b,c,d,label"
  for (i = 0; i < 8100; ++i) {
    a = rand(); b = rand(); c = rand(); d = rand()
    printf "%.4f,%.4f,%.4f,%.4f,%d\n", a, b, c, d, (a + b > c + d)
  }
}' >"$folder/data.csv"

first=0
last=0
rows=0
exec 3< <(exec "$evengrad" train --data="$folder/data.csv" --classes=2 \
  --validation=100 --hidden=3x16 --activation=tanh --batch-size=8 --epochs=100 \
  --threads=1 --learning-rate=0.01 --clip=autoclip:10 --statistics-every=1 \
  --csv=/dev/null --tensorboard="$folder/events" \
  --report="$folder/report.html" 2>&1)
pid=$!
# A row of the table is an epoch; when it comes, memory is what it is.
while IFS= read -r line <&3; do
  [[ $line =~ ^\ *[0-9]+\ +[0-9.]+\ +[0-9.]+ ]] || { last_line=$line; continue; }
  rows=$((rows + 1))
  kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null || echo 0)
  ((kib > 0)) || continue
  ((first > 0)) || first=$kib
  last=$kib
done
((rows == 100)) || { echo "$rows epochs: $last_line" >&2; exit 1; }
report=$(stat -c %s "$folder/report.html")
echo "memory after 1,000 steps $first KiB, at the end $last KiB;" \
  "report $report bytes"
((first > 0 && last <= first + 1024)) || { echo "memory grows" >&2; exit 1; }
((report < 2000000)) || { echo "the report is too large" >&2; exit 1; }
