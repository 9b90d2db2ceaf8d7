"""Processor seconds per click of FocalClick at 450 x 600 on one thread: our path against the plain one.

python benchmarks/focalclick.py [NAME ...]

The plain path runs the network as it is trained: batch norms apart, all channels of the features cropped, contiguous.
Both run by turns, and the medians are compared; the answers must agree to 1e-4.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch
from iis_focalclick import FocalClickModel, build_network
from iis_focalclick.configs import CONFIGS
from torch import Tensor, nn

from iis_core.models.inference import InferenceCopy

SHAPE = (450, 600)
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True), (240, 360, True), (180, 340, True)]
ROUNDS = 5


class Plain(FocalClickModel):
    """Nothing prepared."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self._inference = InferenceCopy(lambda plain: plain)


def answers(model: FocalClickModel, x: Tensor) -> tuple[list[Tensor], float]:
    """The answers to the clicks, and the median of the seconds of all but the first, which sees the whole image."""
    z, pcs, ncs, found, seconds = model.initialize_z(x, x[:, :1]), [], [], [], []
    for row, col, positive in CLICKS:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        start = time.process_time()
        y, z = model(x, z, pcs, ncs)
        seconds.append(time.process_time() - start)
        found.append(y)
    return found, statistics.median(seconds[1:])


def centred(name: str, x: Tensor) -> nn.Module:
    """The network with random weights and a last bias such that the first click marks a third of the image."""
    torch.manual_seed(0)
    network = build_network(name)
    seen = nn.functional.interpolate(x, (256, 256), mode="bilinear", align_corners=True)
    points = torch.tensor([[[125.0, 128.0, 0.0], [-1, -1, -1]]])
    features = network.feature_extractor
    last = features.decode_head.linear_pred if name.startswith("segformer") else features.cls_head
    with torch.no_grad():
        logits, _ = network.coarse(seen, seen[:, :1] * 0, points)
        last.weight *= 2 / logits.std()
        last.bias.copy_(2 * (last.bias - logits.quantile(0.67)) / logits.std())
    return network


def main() -> None:
    torch.set_num_threads(1)
    coarse = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    x = nn.functional.interpolate(coarse, size=SHAPE, mode="bicubic").clamp(0, 1)
    for name in sys.argv[1:] or CONFIGS:
        network = centred(name, x)
        plain, ours = Plain(network), FocalClickModel(network)
        for model in (plain, ours):
            answers(model, x)
        rounds = [(answers(plain, x), answers(ours, x)) for _ in range(ROUNDS)]
        (expected, _), (found, _) = rounds[0]
        slow, fast = (statistics.median(run[side][1] for run in rounds) for side in (0, 1))
        difference = max(float((a - b).abs().max()) for a, b in zip(expected, found, strict=True))
        assert difference < 1e-4, difference
        ratio = f"{slow / fast:.2f} times faster, off by {difference:.1e}"
        print(f"{name}: plain {slow:.3f} s a click, ours {fast:.3f} s: {ratio}")


if __name__ == "__main__":
    main()
