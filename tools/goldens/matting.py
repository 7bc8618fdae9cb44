#!/usr/bin/env python3
"""Writes tests/matting/data: what Pillow, PyTorch and onnxruntime make of small pictures and networks.

The networks have random weights and the operators of their classes: net_u2 a two-level U2-Net (dilated convolutions,
batch norms, ceil-mode pooling, bilinear upsampling to another tensor's size, side outputs), net_is and net_bi the input
size and the end of IS-Net and BiRefNet. Mattes follow rembg's steps. Needs torch, onnx, onnxruntime, pillow
up to 12 (13 resizes in another order).
"""

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

FOLDER = Path(__file__).resolve().parents[2] / "tests/matting/data"
MEAN = np.array([0.485, 0.456, 0.406])


class Block(nn.Sequential):
    def __init__(self, inputs, outputs, dilation=1):
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(outputs), nn.ReLU())


def like(x, reference):
    return F.interpolate(x, size=reference.shape[2:], mode="bilinear", align_corners=False)


class Residual(nn.Module):
    """An RSU block of height two: down, dilated bottom, up, plus its input."""

    def __init__(self, inputs, middle, outputs):
        super().__init__()
        self.enter, self.down = Block(inputs, outputs), Block(outputs, middle)
        self.deep, self.bottom = Block(middle, middle), Block(middle, middle, 2)
        self.up1, self.up0 = Block(2 * middle, middle), Block(2 * middle, outputs)
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, x):
        x = self.enter(x)
        first = self.down(x)
        deep = self.deep(self.pool(first))
        up = self.up1(torch.cat([self.bottom(deep), deep], 1))
        return self.up0(torch.cat([like(up, first), first], 1)) + x


class SmallU2(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1, self.stage2, self.stage1d = Residual(3, 4, 6), Residual(6, 4, 6), Residual(12, 4, 6)
        self.side1, self.side2, self.out = nn.Conv2d(6, 1, 3, padding=1), nn.Conv2d(6, 1, 3, padding=1), nn.Conv2d(2, 1, 1)
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)

    def forward(self, x):
        one = self.stage1(x)
        two = self.stage2(self.pool(one))
        up = self.stage1d(torch.cat([like(two, one), one], 1))
        d1 = self.side1(up)
        d2 = like(self.side2(two), d1)
        return torch.sigmoid(self.out(torch.cat([d1, d2], 1))), torch.sigmoid(d1), torch.sigmoid(d2)


class End(nn.Module):
    """Two convolutions with a stride, brought back to full size."""

    def __init__(self, sigmoid):
        super().__init__()
        self.a, self.b, self.sigmoid = nn.Conv2d(3, 4, 5, stride=16), nn.Conv2d(4, 1, 3, padding=1), sigmoid

    def forward(self, x):
        y = like(self.b(F.relu(self.a(x))), x)
        return torch.sigmoid(y) if self.sigmoid else y


def export(net, side, name):
    net.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, torch.zeros(1, 3, side, side), FOLDER / f"{name}.onnx", opset_version=11, dynamo=False,
                          input_names=["input"])


def matte(name, picture, side, deviation, sigmoid):
    small = np.array(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS))
    x = ((small / max(np.max(small), 1e-6) - MEAN) / deviation).transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(str(FOLDER / f"{name}.onnx"))
    y = session.run(None, {session.get_inputs()[0].name: x})[0][:, 0]
    if sigmoid:
        y = 1 / (1 + np.exp(-y))
    y = np.squeeze((y - y.min()) / (y.max() - y.min()))
    return Image.fromarray((y * 255).astype("uint8")).resize(picture.size, Image.Resampling.LANCZOS)


def main():
    assert int(PIL.__version__.split(".")[0]) <= 12, PIL.__version__
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    torch.manual_seed(11)
    # Random levels, so that every weight of a filter shows; overshoots are clipped.
    noise = Image.fromarray(rng.integers(0, 256, (23, 37, 3), dtype=np.uint8))
    noise.save(FOLDER / "noise.png")
    for width, height in ((16, 50), (80, 11), (37, 9), (5, 23)):
        noise.resize((width, height), Image.Resampling.LANCZOS).save(FOLDER / f"lanczos_{width}x{height}.png")

    # What rembg's cut-out and background colour make of it.
    soft = Image.fromarray(rng.integers(0, 256, (23, 37), dtype=np.uint8))
    soft.save(FOLDER / "matte.png")
    alpha = Image.fromarray(rng.integers(0, 256, (23, 37), dtype=np.uint8))
    translucent = noise.copy()
    translucent.putalpha(alpha)
    translucent.save(FOLDER / "translucent.png")
    for name, picture in (("opaque", noise), ("translucent", translucent)):
        cut = Image.composite(picture.convert("RGBA"), Image.new("RGBA", picture.size, 0), soft)
        white = Image.new("RGBA", cut.size, (255, 255, 255, 0))
        white.paste(cut, mask=cut)
        white.save(FOLDER / f"cut_{name}.png")

    y, x = np.mgrid[0:53, 0:71]
    photo = np.stack([x * 3, y * 4, 128 + 60 * np.sin(x / 7) * np.cos(y / 9)], 2)
    photo[(x - 30) ** 2 + (y - 25) ** 2 < 260] = [220, 60, 30]
    photo = Image.fromarray(np.uint8(np.clip(photo, 0, 240)))
    photo.save(FOLDER / "photo.png")
    one = np.ones(3)
    for name, net, side, deviation, sigmoid in (("net_u2", SmallU2(), 74, np.array([0.229, 0.224, 0.225]), False),
                                                ("net_is", End(True), 1024, one, False),
                                                ("net_bi", End(False), 1024, np.array([0.229, 0.224, 0.225]), True)):
        for parameter in net.modules():
            if isinstance(parameter, nn.BatchNorm2d):
                nn.init.uniform_(parameter.running_mean, -0.3, 0.3)
                nn.init.uniform_(parameter.running_var, 0.3, 1.5)
        export(net, side, name)
        matte(name, photo, side, deviation, sigmoid).save(FOLDER / f"{name}.png")
    print(sum(f.stat().st_size for f in FOLDER.iterdir()), "bytes")


if __name__ == "__main__":
    main()
