#!/usr/bin/env bash
# The snippets of docs/custom_ops.md stand in the files that are named above
# them, to the letter, and its counts of lines are right.
#
#   tests/guide_test.sh TREE
set -euo pipefail
cd "$1"
guide=docs/custom_ops.md
failures=0
complain() { echo "$guide:$1" >&2; failures=$((failures + 1)); }

# A snippet is "<!-- FILE -->", a fence, and lines up to the next fence.
number=0
snippets=0
file=""
inside=0
snippet=""
while IFS= read -r line; do
  number=$((number + 1))
  if [[ $line == '<!-- '*' -->' ]]; then
    file=${line#<!-- }
    file=${file% -->}
  elif ((inside)) && [[ $line == '```' ]]; then
    [[ $'\n'$(<"$file")$'\n' == *$'\n'"$snippet"* ]] ||
      complain "$number: the snippet above is not in $file"
    snippets=$((snippets + 1))
    inside=0
    file=""
  elif ((inside)); then
    snippet+=$line$'\n'
  elif [[ $line == '```cpp' || $line == '```cmake' ]]; then
    if [[ ! -f $file ]]; then
      complain "$number: no file is named above the snippet, or it is missing"
      continue
    fi
    inside=1
    snippet=""
  fi
done <"$guide"
((snippets >= 10)) || complain "0: only $snippets snippets were found"

# Lines that are neither empty nor comment.
for file in penalized_tanh hadamard unit_rms; do
  count=$(grep -cvE '^[[:space:]]*(//.*)?$' "examples/custom_op/$file.cc")
  grep -qE "\[$file\.cc\].* \| $count \|$" "$guide" ||
    complain "0: $file.cc has $count lines of code"
done
((failures == 0))
