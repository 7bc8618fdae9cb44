#!/usr/bin/env python3
"""Does a long batch slow down or grow? Runs `sinter batch` over many pictures and compares its first items with its last.

    python3 bench/pipeline/batch_drift.py build/dev/bin/sinter [ITEMS]

The example pictures are taken in turn, so first and last items are the same work. Prints the median seconds of an item and the largest
resident memory, of the first and of the last 50, and their drift. Cheap settings (octree 32, 2 steps): what could drift is what
surrounds the networks. Timings want an otherwise idle machine.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WINDOW = 50
SETTINGS = ["--octree", "32", "--steps", "2", "--quiet"]


def resident_kb(pid):
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def main():
    program, items = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
    pictures = sorted((ROOT / "examples" / "images").glob("*.png"))
    items -= items % len(pictures)
    with tempfile.TemporaryDirectory() as folder:
        listing, out = Path(folder) / "list.txt", Path(folder) / "out"
        listing.write_text("".join(f'"{pictures[i % len(pictures)]}" output={i:05}\n' for i in range(items)))
        batch = subprocess.Popen([program, "batch", listing, "--out", out, "--model", ROOT / "models" / "sinter-small", *SETTINGS])
        samples = []  # (time, kB)

        def watch():
            while batch.poll() is None:
                samples.append((time.monotonic(), resident_kb(batch.pid)))
                time.sleep(0.02)

        watcher = threading.Thread(target=watch)
        start = time.monotonic()
        watcher.start()
        if batch.wait() != 0:
            sys.exit(f"batch ended with {batch.returncode}")
        watcher.join()
        seconds = [json.loads(line)["seconds"] for line in (out / "manifest.jsonl").read_text().splitlines()]
    # Memory by item: samples up to the end of each, by the sum of the items' own seconds. The load before the first is left out.
    first_end, last_begin = (start + sum(seconds[:n]) for n in (WINDOW, items - WINDOW))
    memory = [max(kb for at, kb in samples if low <= at <= high)
              for low, high in ((start, first_end), (last_begin, samples[-1][0]))]
    times = [statistics.median(seconds[:WINDOW]), statistics.median(seconds[-WINDOW:])]
    print(f"{items} items, {sum(seconds):.0f} s")
    print(f"seconds an item, first and last {WINDOW}: {times[0]:.4f} {times[1]:.4f}, drift {100 * (times[1] / times[0] - 1):+.1f} %")
    print(f"resident MB, first and last {WINDOW}: {memory[0] / 1024:.1f} {memory[1] / 1024:.1f}, "
          f"drift {100 * (memory[1] / memory[0] - 1):+.1f} %")


if __name__ == "__main__":
    main()
