#!/usr/bin/env python3
"""Writes tests/checkpoint/keys/*.txt: names, dtypes and shapes of the official Hunyuan3D-2 checkpoints; and
tests/checkpoint/published.txt, which names the list of each checkpoint: several share one.

The tables below are the published architecture. What proves them: of each file, the number of tensors, the number of
parameters and the exact size in bytes of the safetensors file that holds just these tensors (header included) must
equal the published figures; the script fails where one does not.

The text form is that of src/checkpoint/key_list.h: "name dtype shape" a line, {a..b} for a range of integers and {a,b}
for words. Run without arguments to write the files, with --check to compare them with what is there.
"""

import itertools
import json
import math
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "checkpoint"
KEYS = FOLDER / "keys"


def linear(name, rows, columns, bias=True):
    """A Linear layer: weight [rows, columns] and bias [rows]."""
    lines = [(f"{name}.weight", [rows, columns])]
    return lines + [(f"{name}.bias", [rows])] if bias else lines


def norm(name, width):
    """A LayerNorm with scale and shift."""
    return [(f"{name}.{{weight,bias}}", [width])]


def transformer_2_0(double, single, guidance, width=1024, context=1536, latent=64, head=64):
    """Hunyuan3DDiT."""
    lines = linear("latent_in", width, latent)
    for embedder in ["time_in"] + ["guidance_in"] * guidance:
        lines += linear(f"{embedder}.in_layer", width, 256) + linear(f"{embedder}.out_layer", width, width)
    lines += linear("cond_in", width, context)
    block = f"double_blocks.{{0..{double - 1}}}.{{img,txt}}"
    lines += linear(f"{block}_mod.lin", 6 * width, width)
    lines += linear(f"{block}_attn.qkv", 3 * width, width)
    lines += [(f"{block}_attn.norm.{{query,key}}_norm.scale", [head])]
    lines += linear(f"{block}_attn.proj", width, width)
    lines += linear(f"{block}_mlp.0", 4 * width, width) + linear(f"{block}_mlp.2", width, 4 * width)
    block = f"single_blocks.{{0..{single - 1}}}"
    lines += linear(f"{block}.linear1", 7 * width, width) + linear(f"{block}.linear2", width, 5 * width)
    lines += [(f"{block}.norm.{{query,key}}_norm.scale", [head])]
    lines += linear(f"{block}.modulation.lin", 3 * width, width)
    lines += linear("final_layer.linear", latent, width)
    return lines + linear("final_layer.adaLN_modulation.1", 2 * width, width)


def transformer_2_1(depth=21, moe_layers=6, experts=8, width=2048, context=1024, latent=64, head=128):
    """HunYuanDiTPlain: the upper half takes skip connections, the last layers are mixtures of experts."""
    hidden = 4 * width
    block = f"blocks.{{0..{depth - 1}}}"
    upper = f"blocks.{{{depth // 2 + 1}..{depth - 1}}}"
    dense = f"blocks.{{0..{depth - moe_layers - 1}}}"
    mixed = f"blocks.{{{depth - moe_layers}..{depth - 1}}}"
    lines = linear("x_embedder", width, latent)
    lines += linear("t_embedder.mlp.0", hidden, width) + linear("t_embedder.mlp.2", width, hidden)
    lines += norm(f"{block}.norm{{1..3}}", width)
    lines += linear(f"{block}.attn1.to_{{q,k,v}}", width, width, bias=False)
    lines += linear(f"{block}.attn2.to_q", width, width, bias=False)
    lines += linear(f"{block}.attn2.to_{{k,v}}", width, context, bias=False)
    lines += [(f"{block}.attn{{1,2}}.{{q,k}}_norm.weight", [head])]
    lines += linear(f"{block}.attn{{1,2}}.out_proj", width, width)
    lines += linear(f"{upper}.skip_linear", width, 2 * width) + norm(f"{upper}.skip_norm", width)
    lines += linear(f"{dense}.mlp.fc1", hidden, width) + linear(f"{dense}.mlp.fc2", width, hidden)
    lines += linear(f"{mixed}.moe.gate", experts, width, bias=False)
    for expert in (f"experts.{{0..{experts - 1}}}", "shared_experts"):
        lines += linear(f"{mixed}.moe.{expert}.net.0.proj", hidden, width)
        lines += linear(f"{mixed}.moe.{expert}.net.2", width, hidden)
    return lines + norm("final_layer.norm_final", width) + linear("final_layer.linear", latent, width)


def image_encoder(width, layers, swiglu, hidden=4096, patch=14, tokens=1370):
    """Dinov2Model."""
    lines = [
        ("embeddings.cls_token", [1, 1, width]),
        ("embeddings.mask_token", [1, width]),
        ("embeddings.position_embeddings", [1, tokens, width]),
        ("embeddings.patch_embeddings.projection.weight", [width, 3, patch, patch]),
        ("embeddings.patch_embeddings.projection.bias", [width]),
    ]
    layer = f"encoder.layer.{{0..{layers - 1}}}"
    lines += norm(f"{layer}.norm{{1,2}}", width)
    lines += linear(f"{layer}.attention.attention.{{query,key,value}}", width, width)
    lines += linear(f"{layer}.attention.output.dense", width, width)
    lines += [(f"{layer}.layer_scale{{1,2}}.lambda1", [width])]
    if swiglu:
        lines += linear(f"{layer}.mlp.weights_in", 2 * hidden, width) + linear(f"{layer}.mlp.weights_out", width, hidden)
    else:
        lines += linear(f"{layer}.mlp.fc1", hidden, width) + linear(f"{layer}.mlp.fc2", width, hidden)
    return lines + norm("layernorm", width)


def mlp(name, width, ratio=4):
    return linear(f"{name}.c_fc", ratio * width, width) + linear(f"{name}.c_proj", width, ratio * width)


def self_attention_blocks(name, count, width, head=64):
    block = f"{name}.resblocks.{{0..{count - 1}}}"
    lines = linear(f"{block}.attn.c_qkv", 3 * width, width, bias=False) + linear(f"{block}.attn.c_proj", width, width)
    lines += norm(f"{block}.attn.attention.{{q,k}}_norm", head)
    return lines + norm(f"{block}.ln_{{1,2}}", width) + mlp(f"{block}.mlp", width)


def cross_attention_block(name, width, memory, ratio=4, qk_norm=True, head=64):
    lines = linear(f"{name}.attn.c_q", width, width, bias=False)
    lines += linear(f"{name}.attn.c_kv", 2 * width, memory, bias=False)
    lines += linear(f"{name}.attn.c_proj", width, width)
    if qk_norm:
        lines += norm(f"{name}.attn.attention.{{q,k}}_norm", head)
    return lines + norm(f"{name}.ln_{{1..3}}", width) + mlp(f"{name}.mlp", width, ratio)


def vae(turbo=False, encoder=False, width=1024, latent=64, fourier=51):
    """ShapeVAE. The turbo geometry decoder is half as wide, without a final norm and query and key norms."""
    geo = width // 2 if turbo else width
    lines = linear("post_kl", width, latent) + self_attention_blocks("transformer", 16, width)
    lines += linear("geo_decoder.query_proj", geo, fourier)
    if turbo:
        lines += linear("geo_decoder.latents_proj", geo, width)
    # after latents_proj the memory is as wide as the geometry decoder
    lines += cross_attention_block("geo_decoder.cross_attn_decoder", geo, geo, 1 if turbo else 4, not turbo)
    if not turbo:
        lines += norm("geo_decoder.ln_post", geo)
    lines += linear("geo_decoder.output_proj", 1, geo)
    if encoder:
        lines += linear("pre_kl", 2 * latent, width) + linear("encoder.input_proj", width, fourier + 4)
        lines += cross_attention_block("encoder.cross_attn", width, width)
        lines += self_attention_blocks("encoder.self_attn", 8, width) + norm("encoder.ln_post", width)
    return lines


def bundle(transformer, shape_vae, conditioner):
    parts = {"model": transformer, "vae": shape_vae, "conditioner.main_image_encoder.model": conditioner}
    return [(f"{prefix}.{name}", shape) for prefix, lines in parts.items() for name, shape in lines]


GIANT = image_encoder(1536, 40, swiglu=True)
LARGE = image_encoder(1024, 24, swiglu=False)

# name, lines, tensors, parameters, bytes of the safetensors file; None where no figure is published.
FILES = [
    ("v2-0", bundle(transformer_2_0(16, 32, False), vae(), GIANT), 1645, 2_463_968_065, 4_928_151_562),
    ("v2-0-turbo", bundle(transformer_2_0(16, 32, True), vae(), GIANT), 1649, 2_465_280_833, 4_930_777_530),
    ("v2-mini", bundle(transformer_2_0(8, 16, False), vae(), GIANT), 1325, 1_909_889_857, 3_819_958_234),
    ("v2-mini-turbo", bundle(transformer_2_0(8, 16, True), vae(), GIANT), 1329, 1_911_202_625, 3_822_584_202),
    ("v2-1", bundle(transformer_2_1(), vae(encoder=True), LARGE), None, 3_682_873_537, None),
    ("vae-v2-0", vae(), None, 214_212_865, 428_455_666),
    ("vae-v2-0-withencoder", vae(encoder=True), None, 214_212_865 + 113_533_312, None),
    ("vae-v2-1", vae(encoder=True), None, 214_212_865 + 113_533_312, None),
    ("vae-v2-mini-turbo", vae(turbo=True), None, 203_690_497, 407_410_402),
]
# Published folder, its list, and the published size of model.fp16.safetensors; None where that is not known.
PUBLISHED = [
    ("hunyuan3d-dit-v2-0", "v2-0", 4_928_151_562),
    ("hunyuan3d-dit-v2-0-fast", "v2-0-turbo", None),
    ("hunyuan3d-dit-v2-0-turbo", "v2-0-turbo", 4_930_777_530),
    ("hunyuan3d-dit-v2-mini", "v2-mini", 3_819_958_234),
    ("hunyuan3d-dit-v2-mini-fast", "v2-mini-turbo", None),
    ("hunyuan3d-dit-v2-mini-turbo", "v2-mini-turbo", 3_822_584_202),
    ("hunyuan3d-dit-v2-mv", "v2-0", 4_928_151_562),
    ("hunyuan3d-dit-v2-mv-fast", "v2-0-turbo", None),
    ("hunyuan3d-dit-v2-mv-turbo", "v2-0-turbo", None),
    ("hunyuan3d-dit-v2-1", "v2-1", None),
    ("hunyuan3d-vae-v2-1", "vae-v2-1", None),
    ("hunyuan3d-vae-v2-0", "vae-v2-0", None),
    ("hunyuan3d-vae-v2-0-turbo", "vae-v2-mini-turbo", None),
    ("hunyuan3d-vae-v2-0-withencoder", "vae-v2-0-withencoder", None),
    ("hunyuan3d-vae-v2-mini", "vae-v2-0", None),
    ("hunyuan3d-vae-v2-mini-turbo", "vae-v2-mini-turbo", 407_410_402),
    ("hunyuan3d-vae-v2-mini-withencoder", "vae-v2-0-withencoder", None),
]
COMPONENTS = [
    ("transformer 2.0", transformer_2_0(16, 32, False), 1_113_274_432),
    ("transformer mini", transformer_2_0(8, 16, False), 559_196_224),
    ("transformer 2.1", transformer_2_1(), 3_050_758_720),
    ("image encoder, giant", GIANT, 1_136_480_768),
    ("image encoder, large", LARGE, 304_368_640),
]


def expand(pattern):
    """All names that a pattern stands for."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = []
    for i, part in enumerate(parts):
        bounds = re.fullmatch(r"(\d+)\.\.(\d+)", part)
        if i % 2 == 0:
            choices.append([part])
        elif bounds:
            choices.append([str(n) for n in range(int(bounds[1]), int(bounds[2]) + 1)])
        else:
            choices.append(part.split(","))
    return ["".join(words) for words in itertools.product(*choices)]


def totals(lines):
    """(tensors, parameters, bytes of an fp16 safetensors file), the file as the official library writes it."""
    tensors = sorted((name, shape) for pattern, shape in lines for name in expand(pattern))
    header, offset = {}, 0
    for name, shape in tensors:
        end = offset + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    assert len(header) == len(tensors), "a name occurs twice"
    text = json.dumps(header, separators=(",", ":"))
    return len(tensors), offset // 2, 8 + (len(text) + 7) // 8 * 8 + offset


def expect(what, got, wanted):
    if wanted is not None and got != wanted:
        sys.exit(f"make_key_lists: {what}: expected {wanted}, got {got}")


def write(path, text):
    """Or compares, with --check."""
    if "--check" in sys.argv[1:]:
        expect(str(path), path.read_text() if path.exists() else "no such file", text)
    else:
        path.write_text(text)


def write_published(sizes):
    """`sizes`: bytes of each list."""
    text = "# folder, key list, published bytes of model.fp16.safetensors (- where not known)\n"
    text += "# written by tools/make_key_lists.py\n"
    for folder, name, size in PUBLISHED:
        expect(f"{folder}: bytes", sizes[name], size)
        text += f"{folder} {name} {'-' if size is None else size}\n"
    write(FOLDER / "published.txt", text)


def main():
    for name, lines, parameters in COMPONENTS:
        expect(f"{name}: parameters", totals(lines)[1], parameters)
    expect("transformer 2.1: tensors", totals(transformer_2_1())[0], 752)
    KEYS.mkdir(parents=True, exist_ok=True)
    sizes = {}
    for name, lines, tensors, parameters, size in FILES:
        got = totals(lines)
        for what, value, wanted in zip(("tensors", "parameters", "bytes"), got, (tensors, parameters, size)):
            expect(f"{name}: {what}", value, wanted)
        text = f"# {name}: {got[0]} tensors, {got[1]} parameters, {got[2]} bytes as fp16 safetensors\n"
        text += "# written by tools/make_key_lists.py\n"
        text += "".join(f"{pattern} F16 {','.join(map(str, shape))}\n" for pattern, shape in lines)
        write(KEYS / f"{name}.txt", text)
        sizes[name] = got[2]
        print(f"{name}: {got[0]} tensors, {got[1]} parameters, {got[2]} bytes")
    write_published(sizes)


if __name__ == "__main__":
    main()
