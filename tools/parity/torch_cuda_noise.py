#!/usr/bin/env python3
"""Compares sinter's torch-cuda noise with torch.randn on the CUDA device of this machine.

    cmake --build build/dev --target print_torch_cuda_noise
    python3 tools/parity/torch_cuda_noise.py build/dev/bin/print_torch_cuda_noise

For each seed, size and type: both SHA-256 sums, the first values of both, how many values are the same bits, and the
largest difference. Sine and cosine are approximate on the card, so fp32 values differ by up to 4e-6 and about one in a
hundred fp16 values by one unit in the last place. Exit status 1 where anything differs by more: another stream.
"""

import hashlib
import subprocess
import sys

import numpy as np
import torch

SEEDS = [0, 1, 1234, 12345, 2**63 + 5]
# Latents of the family; odd counts; more than any card holds at once, so that threads draw twice and oftener.
COUNTS = [512 * 64, 3072 * 64, 4096 * 64, 1, 257, 100_003, 600_001, 2_500_007]
FP32_TOLERANCE = 8e-6
FP16_DIFFERENT = 0.03


def ours(program: str, seed: int, count: int, threads: int) -> np.ndarray:
    output = subprocess.run([program, str(seed), str(count), str(threads)], check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(output, dtype="<f4")


def theirs(seed: int, count: int, dtype: torch.dtype) -> np.ndarray:
    generator = torch.Generator("cuda").manual_seed(seed)
    return torch.randn(count, generator=generator, device="cuda", dtype=dtype).cpu().numpy()


def report(label: str, mine: np.ndarray, reference: np.ndarray) -> bool:
    """Prints one comparison; true where it is the same stream."""
    difference = np.abs(mine.astype(np.float64) - reference.astype(np.float64))
    different = float(np.mean(mine != reference))
    if mine.dtype == np.float16:
        # One unit in the last place of the larger value.
        unit = np.spacing(np.maximum(np.abs(mine), np.abs(reference)))
        same = bool(np.all(difference <= np.maximum(unit.astype(np.float64), FP32_TOLERANCE)))
        same = same and (different <= FP16_DIFFERENT or mine.size < 1000)
    else:
        same = bool(np.all(difference <= FP32_TOLERANCE))
    print(f"{label}: {'same stream' if same else 'ANOTHER STREAM'}, {100 * (1 - different):.3f} % same bits, "
          f"largest difference {difference.max():.2e}")
    for name, values in (("sinter", mine), ("torch", reference)):
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        print(f"  {name:6} {digest} {[float(v) for v in values[:8]]}")
    return same


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    card = torch.cuda.get_device_properties(0)
    threads = card.multi_processor_count * (card.max_threads_per_multi_processor // 256) * 256
    print(f"torch {torch.__version__}, {card.name}: {threads} threads")
    good = True
    for seed in SEEDS:
        for count in COUNTS:
            mine = ours(sys.argv[1], seed, count, threads)
            label = f"seed {seed}, {count} values"
            good &= report(f"{label}, fp32", mine, theirs(seed, count, torch.float32))
            good &= report(f"{label}, fp16", mine.astype(np.float16), theirs(seed, count, torch.float16))
    print("all the same stream" if good else "DIFFERENT STREAMS: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
