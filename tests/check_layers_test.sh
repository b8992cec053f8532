#!/usr/bin/env bash
# tools/check_layers.sh accepts a good tree and refuses each kind of bad line.
#
#   tests/check_layers_test.sh TREE
set -euo pipefail
check="$1/tools/check_layers.sh"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

plant() {  # FILE LINE
  mkdir -p "$tree/$(dirname "$1")"
  echo "$2" >"$tree/$1"
}
expect_refused() {  # FILE LINE
  plant "$1" "$2"
  if "$check" "$tree" >/dev/null 2>&1; then
    echo "not refused: $1: $2" >&2
    exit 1
  fi
  rm "$tree/$1"
}

plant graph/graph.h '#include "evengrad/graph/dtype.h"'
plant ops/matmul.cc '#include <dnnl.hpp>'
plant ops/kernel.h '#include "evengrad/graph/graph.h"'
plant train/evengrad.h '#include "evengrad/ops/kernel.h"'
plant ops/custom_op.h '#include "evengrad/ops/expression.h"'
plant examples/custom_op/op_cases.h '#include "evengrad/testing/check_op.h"'
"$check" "$tree" >/dev/null

expect_refused graph/bad.cc '#include "evengrad/ops/ops.h"'
expect_refused ops/bad.h '#include "evengrad/runtime/session.h"'
expect_refused runtime/hooks/bad.cc '#include "evengrad/train/minimize.h"'
expect_refused runtime/bad.cc '#include <oneapi/dnnl/dnnl.hpp>'
expect_refused train/bad.cc '#include "hwy/highway.h"'
expect_refused autodiff/bad.cc '#include "gradients.h"'
expect_refused tools/bad.cc '#include "evengrad/testing/op_checks.h"'
expect_refused examples/bad.cc '#include "evengrad/testing/check_op.h"'
expect_refused examples/custom_op/bad.cc '#include "tests/ops/op_cases.h"'
expect_refused ops/kernel.h '#include <dnnl.hpp>'
expect_refused ops/expression.h '#include "hwy/highway.h"'
"$check" "$tree" >/dev/null
