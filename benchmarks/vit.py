"""CPU seconds per click of a SimpleClick at 450 x 600, in a square of 448 with flip, against the plain path by turns.

python benchmarks/vit.py
python benchmarks/vit.py --name vit-xtiny --turns 5
git clone https://github.com/uncbiag/SimpleClick
python benchmarks/vit.py --upstream SimpleClick

The plain path has the same network, whose blocks cut out their windows and put them back, whose attention is written
out, whose head enlarges maps before it convolves them, and it cuts out the region at every click. `--upstream` runs the
published code from a checkout as well; stand-ins take the place of mmcv and of what only its training needs. All must
agree to 1e-4. Where the processor has bfloat16, it is reported with the IoU of its masks against the plain path's.
"""

from __future__ import annotations

import argparse
import copy
import importlib.abc
import importlib.machinery
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from iis_simpleclick import SimpleClickModel, build_network
from iis_simpleclick.configs import CONFIGS
from torch import Tensor, nn
from torch.nn import functional

SHAPE = (450, 600)
SIZE = 448
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True)]
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
ABSENT = ("albumentations", "easydict", "mmcv", "pycocotools")


class Plain(SimpleClickModel):
    """Nothing kept."""

    def _look(self, x: Tensor, z: Any, clicks: Any, elements: Any) -> Any:
        return super()._look(x, {**z, "pixels": [None] * len(x)}, clicks, elements)


def make_plain(network: nn.Module) -> nn.Module:
    """Copy a network; the copy computes as its equations are written."""
    plain: Any = copy.deepcopy(network)
    for block in plain.backbone.blocks:
        block.attn.fused_attn = False
    plain.encode = lambda image, points: encode_plainly(plain, image, points)
    plain.head.forward = lambda maps: fuse_plainly(plain.head, maps)
    return plain


def encode_plainly(network: Any, image: Tensor, points: Tensor) -> Tensor:
    maps = torch.cat((image[:, 3:], network.click_maps(points, image.shape[2:])), dim=1)
    pixels = (image[:, :3] - network.mean) / network.std
    x = network.backbone.patch_embed.proj(pixels) + network.patch_embed_coords(maps)
    batch, channels, height, width = x.shape
    x = x.permute(0, 2, 3, 1) + network._positions((height, width))
    side = 224 // network.patch
    for block, is_global in zip(network.backbone.blocks, network.is_global, strict=True):
        rows, columns = (1, 1) if is_global else (height // side, width // side)
        windows = x.reshape(batch, rows, height // rows, columns, width // columns, channels).transpose(2, 3)
        shape, x = windows.shape, block(windows.reshape(batch * rows * columns, -1, channels))
        x = x.reshape(shape).transpose(2, 3).reshape(batch, height, width, channels)
    return x.permute(0, 3, 1, 2).contiguous()


def fuse_plainly(head: Any, maps: Sequence[Tensor]) -> Tensor:
    reduced = [reduce(x) for reduce, x in zip(head.convs, maps, strict=True)]
    enlarged = [functional.interpolate(x, maps[0].shape[2:], mode="bilinear") for x in reduced]
    logits: Tensor = head.conv_seg(head.fusion_conv(torch.cat(enlarged, dim=1)))
    return logits


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds packages that the published code imports and does not need to answer clicks."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.split(".")[0] not in ABSENT:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module: Any = MagicMock(__path__=[], __spec__=spec, __name__=spec.name)
        keep = lambda *_, **__: lambda wrapped: wrapped  # noqa: E731
        module.auto_fp16 = module.force_fp32 = module.Registry.return_value.register_module = keep
        module.BaseModule, module.ConvModule = BaseModule, ConvModule
        return module  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        pass


class BaseModule(nn.Module):
    """In place of mmcv's."""

    def __init__(self, init_cfg: Any = None) -> None:
        super().__init__()


class ConvModule(nn.Module):
    """In place of mmcv's, without a norm."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, **_: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv(x), inplace=True)


def answer_upstream(checkout: Path, network: nn.Module, name: str) -> Callable[[Tensor], tuple[list[Tensor], float]]:
    """The published network with the same weights, in the published predictor."""
    for alias, kind in (("int", int), ("float", float), ("bool", bool)):
        vars(np).setdefault(alias, kind)
    sys.meta_path.insert(0, StandIns())
    sys.path.insert(0, str(checkout))
    from isegm.inference.clicker import Click, Clicker
    from isegm.inference.predictors import get_predictor
    from isegm.model.is_plainvit_model import PlainVitModel

    params = copy.deepcopy(dict(CONFIGS[name]["params"]))
    params["head_params"]["loss_decode"] = nn.Identity()
    published = PlainVitModel(**params).eval()
    published.load_state_dict(network.state_dict(), strict=True)
    zoom_in = {"skip_clicks": -1, "target_size": (SIZE, SIZE)}
    predictor = get_predictor(published, "NoBRS", "cpu", prob_thresh=0.49, zoom_in_params=zoom_in)

    @torch.no_grad()
    def answer(x: Tensor) -> tuple[list[Tensor], float]:
        predictor.set_input_image((x[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
        clicker, found, seconds = Clicker(), [], []
        for row, col, positive in CLICKS:
            clicker.add_click(Click(is_positive=positive, coords=(row, col)))
            start = time.process_time()
            found.append(torch.from_numpy(predictor.get_prediction(clicker))[None, None])
            seconds.append(time.process_time() - start)
        return found, statistics.mean(seconds)

    return answer


def answer(model: SimpleClickModel, x: Tensor) -> tuple[list[Tensor], float]:
    """The answers to the clicks, and the mean CPU seconds of one."""
    z, pcs, ncs, found, seconds = model.initialize_z(x, x[:, :1]), [], [], [], []
    for row, col, positive in CLICKS:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        start = time.process_time()
        y, z = model(x, z, pcs, ncs)
        seconds.append(time.process_time() - start)
        found.append(y)
    return found, statistics.mean(seconds)


def centre(network: Any, x: Tensor) -> None:
    """Draw weights, and set the last layer such that half of the image is the object at the first click."""
    torch.manual_seed(0)
    (row, col, _), *_ = CLICKS
    image = functional.interpolate(torch.cat((x, x[:, :1] * 0), dim=1), (SIZE, SIZE), mode="bilinear")
    with torch.no_grad():
        network.backbone.pos_embed.normal_()
        logits = network(image, torch.tensor([[[row, col, 0.0], [-1, -1, -1]]]))["instances"]
        network.head.conv_seg.bias -= logits.median()
        for parameter in (network.head.conv_seg.weight, network.head.conv_seg.bias):
            parameter /= logits.std()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="vit-b", choices=list(CONFIGS))
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--upstream", type=Path, help="a checkout of uncbiag/SimpleClick")
    options = parser.parse_args()
    torch.set_num_threads(1)
    coarse = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    x = (functional.interpolate(coarse, size=SHAPE, mode="bicubic").clamp(0, 1) * 255).round() / 255
    network = build_network(options.name)
    centre(network, x)
    ours, plain = (
        kind(net, target_size=SIZE) for kind, net in ((SimpleClickModel, network), (Plain, make_plain(network)))
    )
    ways: dict[str, Callable[[Tensor], tuple[list[Tensor], float]]] = {
        "ours": lambda x: answer(ours, x),
        "plain": lambda x: answer(plain, x),
    }
    if options.upstream is not None:
        ways["published"] = answer_upstream(options.upstream, network, options.name)
    turns = [{name: way(x) for name, way in ways.items()} for _ in range(options.turns + 1)][1:]
    seconds = {name: statistics.median(turn[name][1] for turn in turns) for name in ways}
    expected = turns[0]["plain"][0]
    print(f"ours {seconds['ours']:.3f} CPU seconds a click, one thread")
    for name in [*ways][1:]:
        off = max(float((a - b).abs().max()) for a, b in zip(turns[0][name][0], turns[0]["ours"][0], strict=True))
        assert off < 1e-4, f"{name} is off by {off}"
        print(f"{name} {seconds[name]:.3f}: {seconds[name] / seconds['ours']:.2f} times ours, off by {off:.1e}")
    words = Path("/proc/cpuinfo").read_text().split() if Path("/proc/cpuinfo").exists() else []
    print(f"processor: {platform.machine()}, {', '.join(flag for flag in FLAGS if flag in words) or 'flags unknown'}")
    if not {"avx512_bf16", "amx_bf16"} & {*words}:
        return
    found, lower = answer(SimpleClickModel(network, target_size=SIZE, precision="bf16"), x)
    masks = [(a > 0.49, b > 0.49) for a, b in zip(expected, found, strict=True)]
    iou = min(float((a & b).sum() / (a | b).sum().clamp(min=1)) for a, b in masks)
    print(f"bf16 {lower:.3f}: {seconds['ours'] / lower:.2f} times as fast as fp32, IoU with plain >= {iou:.4f}")


if __name__ == "__main__":
    main()
