"""Seconds per click of ritm/hrnet18s at 450 x 600, zoom 400 with flip, on the CPU: our path against the plain one.

python benchmarks/ritm.py

The plain path has the same network, not folded, contiguous, and cuts out the region at every click. The outputs must
agree to 1e-4; both run by turns, and the medians are compared. bfloat16 and torch.compile are reported with the IoU of
their masks against the plain path's.
"""

from __future__ import annotations

import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from iis_ritm import RITMModel, build_network
from torch import Tensor

from iis_core.models.inference import InferenceCopy

SHAPE = (450, 600)
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True), (400, 500, False), (180, 340, True)]
ROUNDS = 5
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


class Plain(RITMModel):
    """Nothing folded, nothing kept."""

    def __init__(self, network: torch.nn.Module, **options: Any) -> None:
        super().__init__(network, **options)
        self._inference = InferenceCopy(lambda plain: lambda image, points: plain(image.contiguous(), points))

    def _look(self, x: Tensor, z: Any, clicks: Any, elements: Any) -> Any:
        return super()._look(x, {**z, "pixels": [None] * len(x)}, clicks, elements)


def answers(model: RITMModel, x: Tensor) -> tuple[list[Tensor], float]:
    """The answers to the clicks, and the mean seconds of all but the first, which sees the whole image."""
    z, pcs, ncs, found, seconds = model.initialize_z(x, x[:, :1]), [], [], [], []
    for row, col, positive in CLICKS:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        start = time.perf_counter()
        y, z = model(x, z, pcs, ncs)
        seconds.append(time.perf_counter() - start)
        found.append(y)
    return found, sum(seconds[1:]) / len(seconds[1:])


def centred(network: torch.nn.Module, x: Tensor) -> torch.nn.Module:
    """The network with random weights and a last bias such that half of the image is the object at the first click."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    (row, col, _), *_ = CLICKS
    points = torch.tensor([[[row, col, 0.0], [-1, -1, -1]]])
    with torch.no_grad():
        logits = network(torch.cat((x, x[:, :1] * 0), dim=1), points)["instances"]
        network.feature_extractor.cls_head.weight /= logits.std()
        network.feature_extractor.cls_head.bias -= logits.median() / logits.std()
    return network


def main() -> None:
    coarse = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    x = torch.nn.functional.interpolate(coarse, size=SHAPE, mode="bicubic").clamp(0, 1)
    network = centred(build_network("hrnet18s"), x)
    options = {"zoom_in": {"target_size": 400}, "flip": True}
    plain, ours = Plain(network, **options), RITMModel(network, **options)
    for model in (plain, ours):
        answers(model, x)
    rounds = [(answers(plain, x), answers(ours, x)) for _ in range(ROUNDS)]
    (expected, _), (found, _) = rounds[0]
    slow, fast = (statistics.median(run[side][1] for run in rounds) for side in (0, 1))
    difference = max(float((a - b).abs().max()) for a, b in zip(expected, found, strict=True))
    assert difference < 1e-4, difference
    print(f"plain {slow:.3f} s a click, ours {fast:.3f} s: {slow / fast:.2f} times faster, off by {difference:.1e}")
    cpuinfo = Path("/proc/cpuinfo")
    words = cpuinfo.read_text().split() if cpuinfo.exists() else []
    print(f"processor: {platform.machine()}, {', '.join(flag for flag in FLAGS if flag in words) or 'flags unknown'}")
    for name, more in (("bf16", {"precision": "bf16"}), ("compile", {"compile": True})):
        try:
            model = RITMModel(network, **options, **more)
            answers(model, x)
            other, seconds = min((answers(model, x) for _ in range(2)), key=lambda run: run[1])
        except Exception as error:
            print(f"{name}: not available here ({type(error).__name__})")
            continue
        masks = [(a > 0.5, b > 0.5) for a, b in zip(expected, other, strict=True)]
        ious = [float((a & b).sum() / (a | b).sum().clamp(min=1)) for a, b in masks]
        print(f"{name}: {seconds:.3f} s a click, {slow / seconds:.2f} times faster, IoU with plain >= {min(ious):.4f}")


if __name__ == "__main__":
    main()
