#!/usr/bin/env bash
# The README's C++ example is examples/first_network.cc, to the letter; the
# others stand in the files that are named above them.
#
#   tests/readme_test.sh TREE
set -euo pipefail
cd "$1"
awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' \
  README.md | diff - examples/first_network.cc ||
  { echo "README.md: copy examples/first_network.cc into the example" >&2; exit 1; }

# A snippet is "<!-- FILE -->", a fence, and lines up to the next fence.
awk '/^<!-- .* -->$/ { file = $2; getline
                       if ($0 == "```cpp") { text = ""
                         while ((getline line) > 0 && line != "```")
                           text = text line "\n"
                         whole = ""
                         while ((getline line < file) > 0) whole = whole line "\n"
                         ++snippets
                         if (!index(whole, text)) {
                           print "README.md: a snippet is not in " file
                           failed = 1
                         } } }
     END { if (snippets < 1) print "README.md: no snippet was found"
           exit failed || snippets < 1 }' README.md >&2
