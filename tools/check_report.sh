#!/usr/bin/env bash
# Reports of four runs in headless Chromium: no error of a script, nothing
# loaded, every chart readable with the keys; screenshots in light, dark and on
# a narrow screen, to be looked at.
#
#   tools/check_report.sh [EVENGRAD [FOLDER]]
#
# Needs the package chromium. The screenshots stay in FOLDER (build/reports).
set -euo pipefail
cd "$(dirname "$0")/.."
evengrad=${1:-build/dev/tools/evengrad}
folder=${2:-build/reports}
mkdir -p "$folder"

# train NAME FLAGS...: a report of that run, which may fail.
train() {
  local name=$1
  shift
  "$evengrad" train --epochs=1 --batch-size=128 --threads=1 \
    --statistics-every=5 \
    --report="$folder/$name.html" "$@" >"$folder/$name.txt" 2>&1 || true
  [[ -s $folder/$name.html ]] || { cat "$folder/$name.txt" >&2; exit 1; }
}
train dying --activation=sigmoid
train healthy --clip=global_norm:1
exploding=(--activation=relu --initializer=normal:0.25 --learning-rate=0.0001)
train exploding "${exploding[@]}" --statistics-every=1
train clipped "${exploding[@]}" --clip=global_norm:1

# chrome ARGUMENTS...: headless, with a profile of its own and no network.
chrome() {
  local profile
  profile=$(mktemp -d)
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
    --user-data-dir="$profile" --proxy-server=127.0.0.1:1 \
    --virtual-time-budget=3000 "$@" 2>"$profile/log" ||
    { cat "$profile/log" >&2; rm -rf "$profile"; return 1; }
  rm -rf "$profile"
}
# shot NAME MODE WIDTH: a screenshot.
shot() {
  local file=$folder/$1.html
  if [[ $2 == dark ]]; then
    sed 's/<html lang="en">/<html lang="en" data-theme="dark">/' "$file" \
      >"$folder/page.html"
  else
    cp "$file" "$folder/page.html"
  fi
  chrome --window-size="$3,3200" --screenshot="$folder/$1-$2-$3.png" \
    "file://$PWD/$folder/page.html"
}

failed=0
for name in dying healthy exploding clipped; do
  size=$(stat -c %s "$folder/$name.html")
  ((size < 2000000)) || { echo "$name.html has $size bytes" >&2; failed=1; }
  # Every chart answers to a key; what is seen is put into the title.
  {
    sed 's!</body>!!; s!</html>!!' "$folder/$name.html"
    cat tools/check_report.html
  } >"$folder/page.html"
  dump=$(chrome --dump-dom "file://$PWD/$folder/page.html")
  grep -q '<title>charts [1-9][0-9]* of [1-9][0-9]*, errors 0</title>' <<<"$dump" ||
    { echo "$name: $(grep -o '<title>[^<]*' <<<"$dump" | tail -1)" >&2; failed=1; }
  shot "$name" light 1200
  shot "$name" dark 1200
done
shot dying light 400
rm -f "$folder/page.html"
((failed == 0)) && echo "the reports work; look at the screenshots in $folder"
exit "$failed"
