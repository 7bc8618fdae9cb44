#!/usr/bin/env python3
"""Writes official.safetensors beside this file with the official library (PyPI: safetensors, torch).

One tensor of each dtype that sinter reads, with values that test the conversions, and the shapes that readers get
wrong: a scalar and a tensor without elements. Values are small multiples of 1/8, so every dtype holds them exactly.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

DTYPES = {
    "f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "i64": torch.int64,
    "i32": torch.int32, "i16": torch.int16, "i8": torch.int8, "u8": torch.uint8, "bool": torch.bool,
}

tensors = {}
for i, (name, dtype) in enumerate(DTYPES.items()):
    eighths = torch.arange(6, dtype=torch.float64) * 3 + i + 1
    values = eighths / 8 if dtype.is_floating_point else eighths
    tensors[f"layers.{i}.{name}"] = (values % 2 if dtype == torch.bool else values).reshape(2, 3).to(dtype)
tensors["scalar"] = torch.tensor(-2.5, dtype=torch.float16)
tensors["nothing"] = torch.zeros((3, 0, 2), dtype=torch.float32)
tensors['quoted "name"\\ü'] = torch.tensor([1.0, -1.0])
save_file(tensors, Path(__file__).with_name("official.safetensors"), metadata={"format": "pt"})
