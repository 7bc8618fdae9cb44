"""Reference PyTorch modules of the Hunyuan3D-2.0 shape family.

Parameter names and shapes are the released ones, so a ``state_dict`` maps one to one to the
components of a bundle. The modules are plain and exact: they train the small model and serve as
an independent reference for the native engine.
"""

from training.models.dino import DinoConfig, Dinov2, encode_image
from training.models.dit import DiTConfig, Hunyuan3DDiT
from training.models.vae import ShapeVAE, VAEConfig

__all__ = ["DiTConfig", "DinoConfig", "Dinov2", "Hunyuan3DDiT", "ShapeVAE", "VAEConfig", "encode_image"]
