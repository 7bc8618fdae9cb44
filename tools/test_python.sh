#!/usr/bin/env bash
# Builds the Python wheel for the CPU, unpacks it under build/ and runs tests/python on it.
# Usage: tools/test_python.sh [PYTHON [pytest's arguments]]     default: Debian's python3, which has pytest and NumPy
# Tests that need PyTorch, diffusers, CuPy, JAX or a GPU are skipped where PYTHON has none.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-/usr/bin/python3}
wheel=$(SINTER_CUDA=${SINTER_CUDA:-OFF} tools/build_wheel.sh "$python")
site=build/python/site-$(basename "$wheel" .whl)
rm -rf "$site"
"$python" -m zipfile -e "$wheel" "$site"
PYTHONPATH=$PWD/$site:$PWD/tests/python "$python" -B -m pytest -q -p no:cacheprovider tests/python "${@:2}"
