#!/usr/bin/env bash
# Holds exported ONNX models against other people's code: the checker of the
# package onnx accepts each of them, and ONNX Runtime computes what Evengrad
# does. One model for each op that has a counterpart, with sizes as numbers and
# as names, and whole networks.
#
#   tools/check_onnx.sh [BUILD_TREE]     BUILD_TREE is build/dev
#
# Needs PyPI (onnx, onnxruntime, safetensors go into build/venv-onnx), so it is
# no part of the tests. Prints what was checked; exit code 1 at a difference.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/dev}
venv=${EVENGRAD_ONNX_VENV:-build/venv-onnx}

if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet onnx onnxruntime safetensors numpy
fi
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT

EVENGRAD_ONNX_FOLDER=$models "$build/tests/formats_test" \
  --gtest_filter='OnnxExportTest.*' >"$models/log" || { cat "$models/log"; exit 1; }

# A network of examples/, with gradients taken off.
"$venv/bin/python" - "$models" <<'PYTHON'
import numpy, os, sys
from safetensors.numpy import save_file
random = numpy.random.default_rng(1)
save_file({"images": random.standard_normal((7, 784), numpy.float32),
           "labels": random.integers(0, 10, 7).astype(numpy.int32)},
          os.path.join(sys.argv[1], "mnist.in.safetensors"))
PYTHON
evengrad=$build/tools/evengrad
"$evengrad" convert examples/models/mnist.eg "$models/mnist.onnx"
"$evengrad" run examples/models/mnist.eg "--inputs=$models/mnist.in.safetensors" \
  "--outputs=$models/mnist.out.safetensors"

exec "$venv/bin/python" tools/check_onnx.py "$models"
