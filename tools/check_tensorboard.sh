#!/usr/bin/env bash
# TensorBoard's own package (PyPI) reads our event files: the numbers of its
# EventAccumulator are those of --csv, for every step and tensor.
#
#   tools/check_tensorboard.sh [EVENGRAD]
#
# Needs python3-venv and the network, once: the package stays in
# build/tensorboard-venv.
set -euo pipefail
cd "$(dirname "$0")/.."
evengrad=${1:-build/dev/tools/evengrad}
venv=build/tensorboard-venv
if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet tensorboard
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Two runs into one folder: the second is what TensorBoard shows.
for seed in 1 2; do
  "$evengrad" train --hidden=3x20 --activation=relu --epochs=1 --seed="$seed" \
    --batch-size=100 --clip=global_norm:1 --statistics-every=50 \
    --tensorboard="$folder/events" --csv="$folder/layers.csv" >/dev/null
done
"$venv/bin/python" tools/check_tensorboard.py "$folder/events" "$folder/layers.csv"
