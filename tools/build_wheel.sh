#!/usr/bin/env bash
# Builds the Python wheel of the fused operators for one interpreter and prints its path.
# Usage: tools/build_wheel.sh [PYTHON]     default: Debian's python3
# What builds it (scikit-build-core, nanobind) comes from PyPI into a virtual environment under build/.
# With nvcc on the PATH the kernels are in it; SINTER_CUDA=OFF leaves them out.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-/usr/bin/python3}
tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag)')

venv=build/python/$tag
[ -x "$venv/bin/python" ] || "$python" -m venv --system-site-packages "$venv"
"$venv/bin/python" -c 'import nanobind, scikit_build_core' 2>/dev/null ||
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'scikit-build-core>=0.10' 'nanobind>=2.4'

"$venv/bin/pip" wheel . --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir build/wheels \
  -C cmake.define.SINTER_CUDA="${SINTER_CUDA:-AUTO}"
ls -t build/wheels/sinter-*"${tag/cpython-/cp}"*.whl | head -1
