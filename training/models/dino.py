"""DINOv2 backbone with the parameter names of the transformers library."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class DinoConfig:
    """The backbone ``config`` of a bundle's DinoImageEncoder (defaults are DINOv2-giant)."""

    hidden_size: int = 1536
    num_hidden_layers: int = 40
    num_attention_heads: int = 24
    image_size: int = 518
    patch_size: int = 14
    num_channels: int = 3
    mlp_ratio: int = 4
    qkv_bias: bool = True
    use_swiglu_ffn: bool = True
    layer_norm_eps: float = 1e-6
    layerscale_value: float = 1.0


class PatchEmbeddings(nn.Module):
    """[B, 3, S, S] image -> [B, (S / patch)^2, W] tokens, row major."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        patch = config.patch_size
        self.projection = nn.Conv2d(config.num_channels, config.hidden_size, patch, stride=patch)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.projection(pixels).flatten(2).transpose(1, 2)


class Embeddings(nn.Module):
    """Patch tokens behind a class token, plus the position table (resampled for other sizes)."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        width, self.patch = config.hidden_size, config.patch_size
        self.grid = config.image_size // config.patch_size
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.patch_embeddings = PatchEmbeddings(config)
        self.position_embeddings = nn.Parameter(torch.randn(1, self.grid * self.grid + 1, width) * 0.02)

    def forward(self, pixels: Tensor) -> Tensor:
        rows, columns = pixels.shape[-2] // self.patch, pixels.shape[-1] // self.patch
        patches = self.patch_embeddings(pixels)
        cls = self.cls_token.expand(patches.shape[0], -1, -1).to(patches.dtype)
        return torch.cat([cls, patches], dim=1) + self._positions(rows, columns)

    def _positions(self, rows: int, columns: int) -> Tensor:
        table = self.position_embeddings
        if rows == self.grid and columns == self.grid:
            return table
        cls, patches = table[:, :1], table[:, 1:]
        image = patches.reshape(1, self.grid, self.grid, -1).permute(0, 3, 1, 2).float()
        image = F.interpolate(image, size=(rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([cls, image.flatten(2).transpose(1, 2).to(table.dtype)], dim=1)


class QueryKeyValue(nn.Module):
    """Three separate projections and attention: [B, N, W] -> [B, N, W]."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        width, bias = config.hidden_size, config.qkv_bias
        self.heads = config.num_attention_heads
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, width, bias=bias)
        self.value = nn.Linear(width, width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.query, self.key, self.value))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class AttentionOutput(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)


class Attention(nn.Module):
    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        self.attention = QueryKeyValue(config)
        self.output = AttentionOutput(config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.output.dense(self.attention(x))


class MLP(nn.Module):
    """Linear, exact GELU, Linear."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        inner = config.hidden_size * config.mlp_ratio
        self.fc1 = nn.Linear(config.hidden_size, inner)
        self.fc2 = nn.Linear(inner, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class SwiGLU(nn.Module):
    """Gated FFN of the giant model; the inner width is 2/3 of the MLP's, rounded up to 8."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        inner = (int(config.hidden_size * config.mlp_ratio * 2 / 3) + 7) // 8 * 8
        self.weights_in = nn.Linear(config.hidden_size, 2 * inner)
        self.weights_out = nn.Linear(inner, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.weights_in(x).chunk(2, dim=-1)
        return self.weights_out(F.silu(gate) * value)


class LayerScale(nn.Module):
    def __init__(self, width: int, value: float) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.full((width,), value))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.lambda1


class Layer(nn.Module):
    """Pre-norm block with a learned scale on each residual branch."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attention = Attention(config)
        self.layer_scale1 = LayerScale(width, config.layerscale_value)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = SwiGLU(config) if config.use_swiglu_ffn else MLP(config)
        self.layer_scale2 = LayerScale(width, config.layerscale_value)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale1(self.attention(self.norm1(x)))
        return x + self.layer_scale2(self.mlp(self.norm2(x)))


class Encoder(nn.Module):
    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layer:
            x = layer(x)
        return x


class Dinov2(nn.Module):
    """[B, 3, S, S] normalised pixels -> [B, 1 + (S / patch)^2, W] tokens, class token first."""

    def __init__(self, config: DinoConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.layernorm(self.encoder(self.embeddings(pixels)))


def normalize_pixels(image: Tensor) -> Tensor:
    """[B, 3, S, S] in [0, 1] -> mean and deviation removed per channel."""
    mean = torch.tensor(IMAGE_MEAN, device=image.device, dtype=image.dtype).view(3, 1, 1)
    std = torch.tensor(IMAGE_STD, device=image.device, dtype=image.dtype).view(3, 1, 1)
    return (image - mean) / std


def encode_image(model: Dinov2, image: Tensor, image_size: int | None = None) -> Tensor:
    """The conditioner: [B, 3, s, s] square images in [-1, 1] -> condition tokens [B, T, W]."""
    size = image_size or model.config.image_size
    pixels = (image.float() + 1) / 2
    if pixels.shape[-1] != size:
        pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", align_corners=False, antialias=True)
    weight = model.embeddings.patch_embeddings.projection.weight
    return model(normalize_pixels(pixels.to(weight.dtype)))
