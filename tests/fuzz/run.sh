#!/usr/bin/env bash
# Runs every fuzz target (or those named) for a bounded time: tests/fuzz/run.sh SECONDS [NAME...]. Builds them first.
# New inputs go to build/fuzz/corpus; a crash ends the run with status 1 and leaves its input in build/fuzz/crashes.
# BUILD_DIR chooses another build folder, RUNS bounds the executions as well.
set -euo pipefail
seconds=${1:?usage: run.sh SECONDS [NAME...]}
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD_DIR:-$root/build/fuzz}

(cd "$root" && cmake --preset fuzz -B "$build" >/dev/null && cmake --build "$build" --target fuzz)
mkdir -p "$build/crashes"
[ $# -gt 0 ] || set -- $(sed -n 's/^sinter_fuzz(\([a-z0-9_]*\).*/\1/p' "$here/CMakeLists.txt")
for name in "$@"; do
  echo "fuzzing $name for $seconds s"
  mkdir -p "$build/corpus/$name"
  options=(-max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -print_final_stats=1)
  [ -z "${RUNS:-}" ] || options+=(-runs="$RUNS")
  [ ! -f "$here/dictionaries/$name" ] || options+=(-dict="$here/dictionaries/$name")
  "$build/bin/fuzz_$name" "${options[@]}" -artifact_prefix="$build/crashes/$name-" \
    "$build/corpus/$name" "$here/corpus/$name" 2>"$build/$name.log" || {
    tail -n 30 "$build/$name.log"
    exit 1
  }
  grep -E 'number_of_executed_units|peak_rss' "$build/$name.log"
done
