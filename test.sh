#!/usr/bin/env bash
# Everything that can be checked without a GPU. Usage: ./test.sh [--quick]
#   --quick   skip the sanitizer builds, the fuzzers and the CUDA compile check
set -euo pipefail
cd "$(dirname "$0")"
quick=${1:-}
jobs=$(nproc)

tools/install_packages.sh build test
python3 tools/check_rooms.py
tools/check_format.sh

cmake --preset dev >/dev/null
cmake --build --preset dev -j "$jobs"

if [ "$quick" != "--quick" ]; then
  cmake --preset asan >/dev/null
  cmake --build --preset asan -j "$jobs"
  ctest --test-dir build/asan -j "$jobs" --output-on-failure --timeout 600
  cmake --preset tsan >/dev/null
  cmake --build --preset tsan -j "$jobs" --target threads_test
  ctest --test-dir build/tsan -j "$jobs" --output-on-failure --timeout 600 -R '^threads\.'
  tests/fuzz/run.sh 10
  if command -v nvcc >/dev/null; then
    nvcc -gencode=arch=compute_90a,code=sm_90a -Xcompiler -fPIC -c training/sdf.cu -o build/sdf.o
  else
    echo "no nvcc: the CUDA compile check was skipped"
  fi
fi

status=0
tools/test_python.sh || status=$?
if [ "$status" = 75 ]; then
  echo "no PyPI: the Python wheel and its tests were skipped"
elif [ "$status" != 0 ]; then
  exit "$status"
fi

# Last, so that the summary of the optimised build closes the output.
ctest --test-dir build/dev -j "$jobs" --output-on-failure --timeout 300
