"""The fused operators for PyTorch: nn.Modules, functions, and patch(model).

Works under torch.compile (fullgraph), inside CUDA graphs and with gradients, which flow through the unfused formula.
"""

from sinter.torch import functional
from sinter.torch.modules import (
    FP32LayerNorm,
    GroupNormSiLU,
    LayerNormScaleShift,
    QKNorm,
    RMSNorm,
    ScaleResidualLayerNormScaleShift,
)
from sinter.torch.patching import Patch, patch

__all__ = [
    "FP32LayerNorm",
    "GroupNormSiLU",
    "LayerNormScaleShift",
    "Patch",
    "QKNorm",
    "RMSNorm",
    "ScaleResidualLayerNormScaleShift",
    "functional",
    "patch",
]
