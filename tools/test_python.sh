#!/usr/bin/env bash
# Builds the Python wheel for the CPU, installs it into its environment under build/ and runs tests/python.
# Usage: tools/test_python.sh [PYTHON] [pytest's arguments]     default: Debian's python3
# Tests that need PyTorch, diffusers, CuPy, JAX or a GPU are skipped where PYTHON has none.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-/usr/bin/python3}
tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag)')
wheel=$(SINTER_CUDA=${SINTER_CUDA:-OFF} tools/build_wheel.sh "$python")
venv=build/python/$tag
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall "$wheel"
"$venv/bin/python" -B -m pytest -q -p no:cacheprovider tests/python "${@:2}"
