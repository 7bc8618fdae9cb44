#!/usr/bin/env bash
# Builds the Python wheel of the fused operators for one interpreter and prints its path.
# Usage: tools/build_wheel.sh [PYTHON]     default: Debian's python3
# What builds it (scikit-build-core, nanobind) comes from PyPI into a virtual environment under build/; exit status 75
# where PyPI cannot be reached. With nvcc on the PATH the kernels are in the wheel; SINTER_CUDA=OFF leaves them out.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-/usr/bin/python3}
tag=$("$python" -c 'import sys; print(sys.implementation.cache_tag.replace("cpython-", "cp"))')

venv=build/python/$tag
"$venv/bin/python" -c 'import nanobind, scikit_build_core' 2>/dev/null || {
  "$python" -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check 'scikit-build-core>=0.10' 'nanobind>=2.4' ||
    { echo "build_wheel: expected scikit-build-core and nanobind from PyPI, which cannot be reached" >&2; exit 75; }
}

"$venv/bin/pip" wheel . --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir build/wheels \
  --config-settings=cmake.define.SINTER_CUDA="${SINTER_CUDA:-AUTO}"
ls -t build/wheels/sinter-*"$tag"-*.whl | head -1
