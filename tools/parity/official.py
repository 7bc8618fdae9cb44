"""The official Hunyuan3D code with random weights: what official_parity.py and bench/shape_torch.py share.

An upstream checkout is named by its path and never copied here: Hunyuan3D-2 (the folder that holds hy3dgen) for every
2.0 variant, Hunyuan3D-2.1 (the folder that holds hy3dshape/hy3dshape) for 2.1.
"""

import contextlib
import copy
import hashlib
import importlib
import os
import sys
import types
from pathlib import Path

import torch
import yaml

VARIANTS = ["base", "fast", "turbo", "mini", "mini-fast", "mini-turbo", "mv", "mv-fast", "mv-turbo", "2.1"]
CONFIGS = Path(__file__).resolve().parents[2] / "tests/checkpoint/configs"
SEED = 1


def config_of(variant: str, reduced: bool = False) -> dict:
    """config.yaml of a variant; reduced: the same classes at sizes that a CPU runs in seconds."""
    name = {"base": "0", "fast": "0-fast", "turbo": "0-turbo", "2.1": "1"}.get(variant, variant)
    config = yaml.safe_load((CONFIGS / f"hunyuan3d-dit-v2-{name}.yaml").read_text())
    if reduced:
        reduce_config(config)
    return config


def fast_vae_config(variant: str, reduced: bool = False) -> dict | None:
    """{target, params} of the VAE that upstream's enable_flashvdm() takes; None where there is none."""
    if not variant.endswith("turbo"):
        return None
    name = "mini-turbo" if variant.startswith("mini") else "0-turbo"
    config = yaml.safe_load((CONFIGS / f"hunyuan3d-vae-v2-{name}.yaml").read_text())
    if reduced:
        config["params"] |= REDUCED_VAE
    return config


REDUCED_VAE = {"num_latents": 96, "heads": 4, "width": 256, "num_decoder_layers": 2}


def reduce_config(config: dict) -> None:
    plain = config["model"]["target"].endswith("HunYuanDiTPlain")
    encoder = config["conditioner"]["params"]["main_image_encoder"]["kwargs"]
    encoder["config"] |= {"hidden_size": 192, "num_attention_heads": 3, "num_hidden_layers": 3, "image_size": 140}
    encoder["image_size"] = 280 if encoder["image_size"] > 518 else 140
    config["image_processor"]["params"]["size"] = 140
    config["vae"]["params"] |= REDUCED_VAE
    model = config["model"]["params"]
    if plain:
        model |= {"input_size": 96, "hidden_size": 256, "context_dim": 192, "depth": 5, "num_heads": 2,
                  "text_len": 101, "num_moe_layers": 2}
        config["vae"]["params"] |= {"num_encoder_layers": 1, "pc_size": 1024}
    else:
        model |= {"context_in_dim": 192, "hidden_size": 256, "num_heads": 4, "depth": 2, "depth_single_blocks": 3}


def import_upstream(path: Path, variant: str):
    """The pipeline module of a checkout. Packages that only its other parts need are stood in for."""
    os.environ.pop("USE_SAGEATTN", None)
    os.environ.pop("CA_USE_SAGEATTN", None)
    for name in ("pymeshlab", "trimesh", "rembg", "omegaconf"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = StandIn(name)
    root = path / "hy3dshape" if variant == "2.1" else path
    package = "hy3dshape" if variant == "2.1" else "hy3dgen.shapegen"
    sys.path.insert(0, str(root))
    return importlib.import_module(f"{package}.pipelines")


class StandIn(types.ModuleType):
    """A module that can be imported, and whose names can be mentioned."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@contextlib.contextmanager
def quiet_construction(device: str):
    """Modules made inside are on the device, with parameters that nobody initialised: they are filled next."""
    kept = {}
    for name in ("kaiming_uniform_", "xavier_uniform_", "trunc_normal_", "normal_", "uniform_", "constant_"):
        kept[name] = getattr(torch.nn.init, name)
        setattr(torch.nn.init, name, lambda tensor, *_, **__: tensor)
    try:
        with torch.device(device):
            yield
    finally:
        for name, function in kept.items():
            setattr(torch.nn.init, name, function)


def build(module, section: dict, device: str):
    """What upstream's instantiate_from_config() makes of a section; its classes ignore keys that they do not know."""
    section = copy.deepcopy(section)
    package = module.__name__.rsplit(".", 1)[0]
    name = section["target"]
    for prefix in ("hy3dgen.shapegen", "hy3dshape"):
        if name.startswith(prefix + "."):
            section["target"] = package + name[len(prefix):]
    with quiet_construction(device):
        made = module.instantiate_from_config(section)
    return made.eval().requires_grad_(False) if isinstance(made, torch.nn.Module) else made


# Random weights of the size of trained ones, by the same rules as src/models/random_weights.cpp, whose header says why.
# Gain: deviation times the root of the number of inputs.
GAINS = [("attn.c_proj.", 0.5), ("mlp.c_proj.", 0.5), (".out_proj.", 0.5), (".mlp.fc2.", 0.5), (".net.2.", 0.5),
         ("patch_embeddings", 0.5), (".moe.gate.", 2.0), ("final_layer.linear", 1.4)]
STEEP, LEVEL, SATURATION = 16.0, 2.8125, 1.1


def spread_of(name: str, shape: torch.Size) -> tuple[float, float]:
    """Mean and deviation of a tensor."""
    if any(part in name for part in ("query_norm.", "key_norm.", ".q_norm.", ".k_norm.")) and not name.endswith(".bias"):
        return 1.5, 0.1
    if "layer_scale" in name:
        return 0.3, 0.05
    if "position_embeddings" in name or "cls_token" in name:
        return 0.0, 0.3
    if name.endswith(".bias") or "mask_token" in name:
        return 0.0, 0.05
    if len(shape) == 1:
        return 1.0, 0.1
    gain = next((value for part, value in GAINS if part in name), 1.0)
    return 0.0, gain / (shape.numel() / shape[0]) ** 0.5


def plant_field(name: str, x: torch.Tensor, noise: torch.Tensor, generator: torch.Generator) -> bool:
    """The layers at both ends of the geometry decoder: a lump around the origin. True where x is one of them."""
    signs = lambda count: 1.0 - 2.0 * (torch.arange(count, device=x.device) % 2)  # noqa: E731
    if name.endswith("geo_decoder.query_proj.bias"):
        x.copy_(0.05 * noise - STEEP * LEVEL * signs(x.shape[0]))
    elif name.endswith("geo_decoder.output_proj.weight"):
        x.copy_(SATURATION * signs(x.shape[1]) / x.shape[1] + 0.13 * noise / x.shape[1] ** 0.5)
    elif name.endswith("geo_decoder.query_proj.weight"):
        octaves = (x.shape[1] // 3 - 1) // 2
        wave = torch.arange(x.shape[1] - 3, device=x.device)
        fade = torch.exp2(-(wave % octaves).float())
        lump = 0.06 * torch.randn(wave.shape, generator=generator, device=x.device) * fade ** 1.5
        centred = ((wave % octaves == 0) & (wave >= 3 * octaves)).float()
        x[:, :3] = 0.5 * noise[:, :3]
        x[:, 3:] = 0.5 * noise[:, 3:] * fade + STEEP * signs(x.shape[0])[:, None] * (lump + centred)
    else:
        return False
    return True


@torch.no_grad()
def randomise(network: torch.nn.Module, prefix: str) -> None:
    """Fills every parameter from its name, with values that fp16 holds."""
    for name, x in network.state_dict().items():
        if not x.is_floating_point():
            continue
        name = f"{prefix}.{name}"
        digest = hashlib.sha256(f"{SEED} {name}".encode()).digest()
        generator = torch.Generator(x.device).manual_seed(int.from_bytes(digest[:7], "little"))
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        if not plant_field(name, x, noise, generator):
            mean, deviation = spread_of(name, x.shape)
            x.copy_(mean + deviation * noise)
        x.copy_(x.half().to(x.dtype))


# Names of the image backbone: those of the published files, and those that the library transformers gave them later. It
# also split the gated layer, weights_in, into its halves.
RENAMED = {"attention.attention.query.": "attention.q_proj.", "attention.attention.key.": "attention.k_proj.",
           "attention.attention.value.": "attention.v_proj.", "attention.output.dense.": "attention.o_proj.",
           "mlp.weights_out.": "mlp.down_proj."}
HALVES = ("mlp.gate_proj.", "mlp.up_proj.")


def published_state(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """state_dict() under the published names."""
    state = {}
    for name, x in network.state_dict().items():
        for published, renamed in RENAMED.items():
            name = name.replace(renamed, published)
        if HALVES[0] in name:
            other = network.state_dict()[name.replace(*HALVES)]
            state[name.replace(HALVES[0], "mlp.weights_in.")] = torch.cat([x, other])
        elif HALVES[1] not in name:
            state[name] = x
    return state


def load_published(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Raises where anything but the backbone's mask token, which nothing reads, is missing or left over."""
    own = network.state_dict()
    found = {}
    for name, x in state.items():
        parts = {name: x}
        if name not in own and "mlp.weights_in." in name:
            parts = {name.replace("mlp.weights_in.", half): part for half, part in zip(HALVES, x.chunk(2))}
        for key, part in parts.items():
            if key not in own:
                for published, renamed in RENAMED.items():
                    key = key.replace(published, renamed)
            found[key] = part.float()
    result = network.load_state_dict(found, strict=False)
    missing = [name for name in result.missing_keys if not name.endswith("mask_token")]
    if missing or result.unexpected_keys:
        raise SystemExit(f"missing {missing}, unexpected {result.unexpected_keys}")


COMPONENTS = ("model", "vae", "conditioner")


def build_random(module, config: dict, device: str) -> dict[str, torch.nn.Module]:
    """The networks of a bundle in fp32."""
    networks = {}
    for component in COMPONENTS:
        networks[component] = build(module, config[component], device)
        randomise(networks[component], component)
    return networks


def save_bundle(folder: Path, config: dict, networks: dict[str, torch.nn.Module]) -> None:
    """config.yaml and model.fp16.safetensors, as the official loader takes them."""
    from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    tensors = {f"{component}.{name}": x.half().cpu().contiguous()
               for component, network in networks.items() for name, x in published_state(network).items()}
    # what upstream derives from the configuration and does not store
    tensors = {name: x for name, x in tensors.items() if not name.endswith(("fourier_embedder.frequencies",))}
    save_file(tensors, folder / "model.fp16.safetensors")


def save_vae(folder: Path, config: dict, vae: torch.nn.Module) -> None:
    from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    save_file({name: x.half().cpu().contiguous() for name, x in vae.state_dict().items()},
              folder / "model.fp16.safetensors")


def made_up_images(views: int, size: int) -> torch.Tensor:
    """[V, 3, size, size] in [-1, 1], 8-bit levels: a shaded ball with bands on white, another for each view."""
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(-axis, axis, indexing="ij")
    inside = 0.64 - x**2 - y**2
    z = inside.clamp(min=0).sqrt()
    images = []
    for view in range(views):
        light = 0.3 + 0.7 * (0.5 * x + 0.6 * y + 0.6 * z).clamp(min=0) / 0.8
        bands = torch.sin(9 * y + 2 * view * x)
        colour = torch.stack([0.75 + 0.2 * bands, 0.55 + 0 * bands, 0.45 - 0.2 * bands]) * light
        levels = torch.where(inside > 0, (255 * colour).clamp(0, 255).round(), torch.tensor(255.0))
        images.append(levels / 255 * 2 - 1)
    return torch.stack(images)
