#!/usr/bin/env python3
"""Writes the PyTorch checkpoints that tests/checkpoint reads: `make_torch_fixtures.py [FOLDER]`.

Each `NAME.ckpt` is written by torch.save; the tensors that a reader must find in it stand in `NAME.safetensors`,
written by the official library from the same tensors, row by row. Needs torch and safetensors; the tests need neither.
"""

import sys
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "tests" / "checkpoint" / "torch")
DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
          torch.int8, torch.uint8]


def random(*shape, dtype=torch.float32):
    """Values that every dtype here can hold, none of them zero."""
    values = torch.randint(1, 100, shape)
    return values.to(dtype) if not dtype.is_floating_point else (values.to(torch.float64) / 8 - 5.0625).to(dtype)


def write(name, saved, expected, **options):
    """One pair of files; an expected tensor may be a view or a Parameter."""
    torch.save(saved, FOLDER / f"{name}.ckpt", **options)
    rows = {key: value.detach().clone(memory_format=torch.contiguous_format) for key, value in expected.items()}
    if rows:
        save_file(rows, FOLDER / f"{name}.safetensors")


def dtypes():
    """Every dtype, a scalar, tensors without elements, five dimensions; beside them values that are no weights."""
    tensors = {str(dtype).removeprefix("torch."): random(2, 3, dtype=dtype) for dtype in DTYPES}
    tensors["bool"] = torch.tensor([True, False, True])
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["empty.inside"] = torch.zeros(2, 0, 3, dtype=torch.float16)
    tensors["five"] = random(2, 1, 3, 1, 2)
    tensors["名前.weight"] = random(2)
    return {**tensors, "step": 7, "big": 1 << 40, "rate": 0.5, "note": "text", "nothing": None, "size": torch.Size([2]),
            "dtype": torch.bfloat16, "flag": True}, tensors


def views():
    """Tensors that share storages, start inside them, and lie in them in every order."""
    base = random(6, 8)
    half = random(40, dtype=torch.float16)
    tensors = {
        "base": base,
        "again": base,
        "rows": base[2:5],
        "element": base[3, 4],
        "transposed": base.t(),
        "columns": base[:, 1:7:2],
        "inside": base[1:5, 2:6],
        "tail": base[5:, 7:],
        "expanded": base[0, :1].expand(3),
        "column": base[:, 3:4],
        "permuted": half[2:38].view(2, 3, 3, 2).permute(3, 0, 2, 1),
        "channels_last": random(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "no.rows": base[6:],
        "overlapping": half.as_strided((4, 3), (2, 1), 5),
        "bytes": random(3, 5, dtype=torch.uint8).t(),
        "doubles": random(3, 2, dtype=torch.float64).t(),
    }
    tensors["tied.a"] = tensors["tied.b"] = torch.nn.Parameter(random(2, 2))
    tensors["frozen"] = torch.nn.Parameter(random(3).to(torch.bfloat16), requires_grad=False)
    return tensors, tensors


def bundle():
    """The layout of the official .ckpt files: dictionaries of real modules, here with what training leaves beside."""
    model = torch.nn.Sequential(OrderedDict(proj=torch.nn.Linear(3, 2), norm=torch.nn.BatchNorm1d(2)))
    vae = torch.nn.Linear(2, 2, bias=False)
    conditioner = {"scale": random(4, dtype=torch.float16)}
    saved = {"model": model.state_dict(), "vae": vae.state_dict(), "conditioner": conditioner, "epoch": 3,
             "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}}
    parts = [("model", model.state_dict()), ("vae", vae.state_dict()), ("conditioner", conditioner)]
    return saved, {f"{part}.{key}": value for part, state in parts for key, value in state.items()}


def main():
    torch.manual_seed(20)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write("dtypes", *dtypes())
    write("views", *views())
    saved, expected = bundle()
    write("bundle", saved, expected)
    write("wrapped", {"state_dict": saved, "global_step": 5}, expected)
    small = OrderedDict(weight=random(2, 3).t(), bias=random(3))
    for protocol in (2, 3, 4, 5):
        write(f"protocol{protocol}", small, small, pickle_protocol=protocol)
    torch.serialization.set_crc32_options(False)
    write("no_checksum", small, small)
    torch.serialization.set_crc32_options(True)
    # what a reader must refuse
    write("legacy", small, {}, _use_new_zipfile_serialization=False)
    write("float8", {"good": random(2), "scale": random(2).to(torch.float8_e4m3fn)}, {})
    write("complex", {"good": random(2), "phase": torch.view_as_complex(random(2, 2))}, {})
    write("six_dimensions", {"deep": random(1, 1, 1, 1, 1, 2)}, {})
    write("tensor", random(2), {})
    torch.jit.script(torch.nn.Linear(1, 1)).save(FOLDER / "script.ckpt")


if __name__ == "__main__":
    main()
