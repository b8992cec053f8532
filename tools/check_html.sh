#!/usr/bin/env bash
# Opens the pages of `evengrad dump --format=html` in headless Chromium and uses
# them (tests/html_page_check.py). Needs Debian's chromium and, from PyPI, the
# package playwright, which it puts into a folder of its own.
#
#   tools/check_html.sh [EVENGRAD]      default: build/release/tools/evengrad
#
# Pages and screenshots are left in build/html.
set -euo pipefail
cd "$(dirname "$0")/.."
evengrad=$(realpath "${1:-build/release/tools/evengrad}")
python=build/html/venv/bin/python

command -v "${CHROMIUM:-chromium}" >/dev/null ||
  { echo "tools/check_html.sh: install chromium, or name one with CHROMIUM" >&2; exit 1; }
if [[ ! -x $python ]]; then
  python3 -m venv build/html/venv
  "$python" -m pip install --quiet playwright
fi
"$python" tests/html_page_check.py "$evengrad" build/html
