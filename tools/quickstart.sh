#!/usr/bin/env bash
# From a bare Debian 12 to a trained network: installs the packages, builds the
# command line (preset release) and trains 20 hidden layers of 100 SELU units on
# Fashion-MNIST.
# Arguments go to `evengrad train`: tools/quickstart.sh --epochs=3
set -euo pipefail
cd "$(dirname "$0")/.."

tools/install_packages.sh
[[ -f build/release/build.ninja ]] || cmake --preset release >/dev/null
echo "Building build/release (a few minutes the first time)" >&2
cmake --build --preset release --target evengrad_command >&2

evengrad=build/release/tools/evengrad
"$evengrad" train "$@"

cat <<END

What to try next:
  $evengrad train --help               all options
  $evengrad train --activation=sigmoid --initializer=glorot_uniform
                                       the same depth, and nothing is learnt
  $evengrad train --hidden=300,100 --activation=leaky_relu:0.3 --scale=unit
  $evengrad ops                        every op with its formula
  cmake --build --preset release       the libraries and examples, too
  examples/first_network.cc            the same network in C++
END
