#!/usr/bin/env bash
# From a fresh Debian 12 machine to a mesh: installs packages, builds, turns a picture into a GLB and draws it.
# Usage: ./quickstart.sh [PICTURE.png]
set -euo pipefail
cd "$(dirname "$0")"
picture=${1:-examples/images/chair.png}
name=$(basename "${picture%.*}")

tools/install_packages.sh build
cmake --preset release >/dev/null
cmake --build --preset release --target sinter

mkdir -p out
build/release/bin/sinter generate "$picture" -o "out/$name.glb"
build/release/bin/sinter render "out/$name.glb" -o "out/$name.png"
echo "mesh: out/$name.glb    picture of it: out/$name.png"
