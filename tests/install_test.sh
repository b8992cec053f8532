#!/usr/bin/env bash
# What is installed serves projects elsewhere: both kinds of the library through
# find_package and pkg-config, the checks for ops beside a GoogleTest of the
# project's own, and the command line with its library.
#
#   tests/install_test.sh TREE BUILD_TREE
set -euo pipefail
tree=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
fail() { echo "$*" >&2; exit 1; }

# expect_slope PROGRAM: tests/consumer/main.cc found the slope.
expect_slope() {
  local slope
  slope=$("$1") || fail "$1 fails"
  [[ $slope == 3.000 ]] || fail "$1 printed '$slope', expected 3.000"
}
# needs PROGRAM: the libraries it names, one a line.
needs() { readelf -d "$1" | sed -nE 's/.*NEEDED.*\[(.*)\]/\1/p'; }

cmake --install "$build" --prefix "$work/staged" >/dev/null
# The tree may be moved: no file of it may name the place it was made for.
mv "$work/staged" "$prefix"
if grep -rIl -e "$tree" -e "$build" -e "$work/staged" "$prefix"; then
  fail "an installed file names a folder of this machine"
fi
libdir=$(dirname "$(find "$prefix" -name libevengrad.a)")
version=$(sed -nE 's/^project\(evengrad VERSION ([0-9.]+).*/\1/p' \
  "$tree/CMakeLists.txt")

# The shared library: its name carries the version that decides what fits.
soname=$(readelf -d "$libdir/libevengrad.so" |
  sed -nE 's/.*SONAME.*\[(.*)\]/\1/p')
[[ $soname == libevengrad.so.${version%.*} ]] || fail "SONAME is '$soname'"
[[ -f $libdir/libevengrad.so.$version && -L $libdir/$soname ]] ||
  fail "no libevengrad.so.$version with a link $soname"

for kind in shared static; do
  cmake -S "$tree/tests/consumer/find_package" -B "$work/$kind" -G Ninja \
    -DKIND=$kind -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
  cmake --build "$work/$kind" >"$work/log" || { cat "$work/log"; exit 1; }
  expect_slope "$work/$kind/consumer"
  "$work/$kind/consumer_test" >"$work/log" || { cat "$work/log"; exit 1; }
  if [[ $kind == shared ]]; then
    needs "$work/$kind/consumer" | grep -qx "$soname" || fail "$kind: not linked"
    ! needs "$work/$kind/consumer" | grep -q dnnl || fail "oneDNN shows through"
    ! needs "$work/$kind/consumer" | grep -Eq 'onnx|protobuf' ||
      fail "ONNX shows through"
  else
    ! needs "$work/$kind/consumer" | grep -q evengrad || fail "$kind: not linked"
  fi
done

# What cannot be had is refused with a reason.
refused() {  # TEXT ARGUMENT...
  local text=$1
  shift
  if cmake -S "$tree/tests/consumer/find_package" -B "$work/refused" -G Ninja \
    -DCMAKE_PREFIX_PATH="$prefix" "$@" >"$work/log" 2>&1; then
    fail "not refused: $*"
  fi
  tr -s ' \n' ' ' <"$work/log" | grep -qF "$text" ||
    { cat "$work/log"; fail "expected: $text"; }
}
refused "Ask for one of the components" "-DKIND=shared;static"
refused "has no component no_such_component; it has" -DKIND=no_such_component

PKG_CONFIG_PATH=$libdir/pkgconfig make -s -C "$work" \
  -f "$tree/tests/consumer/pkg_config/Makefile" consumer_shared consumer_static
LD_LIBRARY_PATH=$libdir expect_slope "$work/consumer_shared"
expect_slope "$work/consumer_static"

"$prefix/bin/evengrad" ops | grep selu >/dev/null

# Ops of a user's own project (docs/custom_ops.md): the checks pass, a network
# learns, and the command line takes them.
cmake -S "$tree/examples/custom_op" -B "$work/ops" -G Ninja \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" \
  -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/ops" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/ops/check" || fail "examples/custom_op: the checks fail"
trained=$("$work/ops/train") || fail "examples/custom_op: train fails"
awk '/validation accuracy/ { ok = $NF > 0.8 } END { exit !ok }' \
  <<<"$trained" || fail "examples/custom_op: train printed '$trained'"
! needs "$work/ops/libmyops.so" | grep -q evengrad ||
  fail "libmyops.so brings an Evengrad of its own"
"$prefix/bin/evengrad" --load-ops="$work/ops/libmyops.so" ops penalized_tanh |
  grep -F 'penalized_tanh(input; slope: number = 0.25) -> output' >/dev/null
