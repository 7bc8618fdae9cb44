#!/usr/bin/env python3
"""Fails when a room under src/ includes a room of its own or a higher level, or a header that belongs elsewhere.

The table below is the architecture. Run from anywhere; prints one line per offence and exits 1.
"""

import re
import sys
from pathlib import Path

LEVELS = [
    ["core"],
    ["cuda", "cpu"],
    ["comm", "checkpoint", "mesh"],
    ["ops", "io"],
    ["nn", "sampling", "texture", "matting"],
    ["models"],
    ["pipeline"],
    ["api"],
]
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

# room -> rooms it must not see although they are lower: networks know no geometry, the loader knows no layer.
DENIED = {
    "models": {"mesh", "texture", "io", "sampling"},
    "checkpoint": {"cuda", "cpu"},
    "mesh": {"cuda"},
}
# The folder of a room that holds its device side: it sees what no other file of the room does.
DEVICE_SIDE = "cuda"

# header pattern -> the rooms that may include it. Expensive or foreign headers stay in one place.
CONFINED = {
    r"nlohmann/": {"checkpoint", "io", "pipeline", "cli"},
    r"yaml-cpp/": {"checkpoint"},
    r"oneapi/dnnl|dnnl\.h": {"cpu"},
    r"opencv2/": {"io", "texture", "matting"},
    r"tiny_gltf\.h": {"io"},
    r"minizip/|expat\.h": {"io"},
    r"meshoptimizer\.h": {"mesh", "texture"},
    r"Eigen/": {"texture"},
    r"CLI/": {"cli"},
    r"png\.h|tiffio\.h|jpeglib\.h|turbojpeg\.h|webp/": {"io"},
    r"cuda\.h|cuda_|cudaTypedefs|cublas|cudnn": {"cuda", "ops", "mesh/cuda", "texture/cuda"},
    r"cub/": {"mesh/cuda"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
SOURCES = {".h", ".hpp", ".cpp", ".cu", ".cuh"}


def offences(root: Path):
    """Yields one message per forbidden include below root/src, root/apps and root/include."""
    for path in sorted(p for top in ("src", "apps", "include") for p in (root / top).rglob("*")):
        if path.suffix not in SOURCES:
            continue
        top, room, inner = (*path.relative_to(root).parts, "")[:3]
        places = {room, f"{room}/{inner}"}
        own_level = LEVEL.get(room) if top == "src" else None
        if top == "src" and own_level is None:
            yield f"{path.relative_to(root)}: room '{room}' has no level in tools/check_rooms.py"
            continue
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
            header = match.group(2)
            line = f"{path.relative_to(root)}: includes {header}"
            target = header.split("/")[0]
            if top != "src" and match.group(1) == '"' and target in LEVEL:
                yield f"{line}: programs and public headers use include/sinter only"
            if top == "src" and target in LEVEL and target != room:
                if LEVEL[target] >= own_level:
                    yield f"{line}: level {LEVEL[target]} is not below level {own_level} of '{room}'"
                elif target in DENIED.get(room, ()) and inner != DEVICE_SIDE:
                    yield f"{line}: '{room}' must not see '{target}'"
            for pattern, rooms in CONFINED.items():
                if re.match(pattern, header) and not places & rooms:
                    yield f"{line}: only {', '.join(sorted(rooms))} may"


def main() -> int:
    found = list(offences(Path(__file__).resolve().parent.parent))
    print("\n".join(found) if found else "rooms: every include points downwards")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
