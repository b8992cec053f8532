#!/usr/bin/env bash
# Proves the chain of rooms: a room includes only itself and rooms before it,
# only ops/ includes oneDNN, Highway and OpenMP, and no header that
# train/evengrad.h or ops/custom_op.h reaches includes any of them or zlib; only
# formats/onnx/protobuf/ includes protobuf.
#
#   tools/check_layers.sh [TREE]
#
# Prints every offending line; exit code 1 when there is one.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

rooms=(graph ops autodiff runtime formats train)
kernels='<(dnnl|oneapi/|hwy/|omp\.h)|"(dnnl|oneapi/|hwy/)'
protobuf='<(google/|onnx/)|"(google/|onnx/)'
failed=0

# refuse REASON: reads offending "file:line:text" lines; any makes the check fail.
refuse() {
  local line
  while IFS= read -r line; do
    echo "$line"
    echo "    $1" >&2
    failed=1
  done
}
# includes PATTERN FOLDER...: the include lines of the folders that match.
includes() {
  local pattern=$1
  shift
  grep -rnE --include='*.h' --include='*.cc' \
    "^[[:space:]]*#[[:space:]]*include[[:space:]]*($pattern)" "$@" || true
}

allowed=""
for room in "${rooms[@]}"; do
  [[ -d $room ]] || continue
  allowed+="${allowed:+|}$room"
  refuse "$room/ may include only evengrad/($allowed)/" < <(
    includes '"evengrad/' "$room" | grep -vE "\"evengrad/($allowed)/" || true)
  refuse "write \"evengrad/<room>/<file>.h\"" < <(
    includes '"' "$room" |
      grep -vE '"(evengrad|absl|hwy)/|"(hwy|dnnl)|ops/[a-z0-9_]+\.cc"' || true)
  if [[ $room != ops ]]; then
    refuse "only ops/ includes oneDNN, Highway and OpenMP" < <(
      includes "$kernels" "$room")
  fi
done
for folder in "${rooms[@]}" tools examples benchmarks tests; do
  [[ -d $folder ]] || continue
  refuse "only formats/onnx/protobuf/ includes protobuf and ONNX" < <(
    includes "$protobuf" "$folder" |
      grep -vE '^formats/onnx/protobuf/' || true)
done
for folder in tools examples benchmarks; do
  [[ -d $folder ]] || continue
  # examples/custom_op is a user's project, with checks of its ops; the steps by
  # hand are a peer, which uses nothing of this project.
  refuse "$folder/ is built on the rooms, not on oneDNN, Highway or tests/" < <(
    includes "$kernels|\"evengrad/testing/|\"tests/" "$folder" |
      grep -vE '^examples/custom_op/[^:]*:[0-9]+:#include "evengrad/testing/' |
      grep -vE '^benchmarks/onednn_training_steps\.cc:[0-9]+:#include <dnnl' ||
      true)
done

# The headers that evengrad.h and custom_op.h reach.
queue=(train/evengrad.h ops/custom_op.h)
declare -A reached=()
while ((${#queue[@]})); do
  header=${queue[0]}
  queue=("${queue[@]:1}")
  if [[ -n ${reached[$header]:-} || ! -f $header ]]; then
    continue
  fi
  reached[$header]=1
  while read -r included; do
    queue+=("$included")
  done < <(sed -nE 's|^#include "evengrad/([^"]+)".*|\1|p' "$header")
done
if ((${#reached[@]})); then
  refuse "a public header (train/evengrad.h or ops/custom_op.h reaches it) may not show it" < <(
    includes "$kernels|$protobuf|<zlib|<immintrin" -H "${!reached[@]}")
fi

if ((failed)); then
  echo "tools/check_layers.sh: the chain of rooms is broken" >&2
  exit 1
fi
echo "The chain of rooms holds; ${#reached[@]} headers are public."
