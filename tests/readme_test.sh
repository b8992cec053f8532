#!/usr/bin/env bash
# The README's C++ example is examples/first_network.cc, to the letter.
#
#   tests/readme_test.sh TREE
set -euo pipefail
cd "$1"
awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' \
  README.md | diff - examples/first_network.cc ||
  { echo "README.md: copy examples/first_network.cc into the example" >&2; exit 1; }
