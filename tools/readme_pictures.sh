#!/usr/bin/env bash
# Makes the pictures of the README from runs of this build (a few minutes):
# docs/gradient_norms_{light,dark}.svg, and with Debian's chromium and the
# package playwright (tools/check_html.sh puts it into build/html/venv)
# docs/graph_page_{light,dark}.png.
#
#   tools/readme_pictures.sh [EVENGRAD]     default: build/release/tools/evengrad
set -euo pipefail
cd "$(dirname "$0")/.."
evengrad=$(realpath "${1:-build/release/tools/evengrad}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME HIDDEN FLAG...: 100 steps, statistics after every 20th.
run() {
  local name=$1 hidden=$2
  shift 2
  "$evengrad" train --hidden="$hidden" --epochs=1 --validation=first:56800 \
    --statistics-every=20 --csv="$work/$name.csv" \
    --save-model="$work/$name.eg" "$@" >"$work/$name.log"
}
run selu 50x100
run relu 50x100 --activation=relu --initializer=he_normal
run glorot 50x100 --activation=sigmoid --initializer=glorot_uniform
run naive 50x100 --activation=sigmoid --initializer=normal:0.01
tools/gradient_norms.py docs/gradient_norms_light.svg docs/gradient_norms_dark.svg \
  "SELU, LeCun normal (the default)=$work/selu.csv:orange:2,-6" \
  "ReLU, He normal=$work/relu.csv:green:24,-6" \
  "Logistic, Glorot uniform=$work/glorot.csv:blue:3,-22" \
  "Logistic, normal (0.01)=$work/naive.csv:sky:38.6,-26"

python=build/html/venv/bin/python
if [[ ! -x $python ]]; then
  echo "tools/readme_pictures.sh: no $python (tools/check_html.sh makes it): the" \
    "pictures of the page stay as they are" >&2
  exit 0
fi
run page 30x100 --activation=sigmoid --initializer=glorot_uniform \
  --clip=global_norm:1
# The page shows the names of the files: without folders.
(cd "$work" && "$evengrad" dump page.eg --stage=training --clip=global_norm:1 \
  --size=batch=32 --statistics=page.csv --format=html --output=network.html)
"$python" - "$work/network.html" <<'END'
import shutil, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    for look in ("light", "dark"):
        page = browser.new_page(viewport={"width": 1400, "height": 860},
                                color_scheme=look)
        page.goto(f"file://{sys.argv[1]}")
        page.wait_for_selector("html[data-ready]")
        page.screenshot(path=f"docs/graph_page_{look}.png")
END
