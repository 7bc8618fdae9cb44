#!/usr/bin/env bash
# Fails when a C++ or CUDA source is not formatted as .clang-format says; `check_format.sh --fix` formats it.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" = "--fix" ] && mode=(-i)
git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs -r clang-format-14 "${mode[@]}"
