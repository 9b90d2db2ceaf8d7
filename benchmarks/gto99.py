"""Seconds per click of gto99/resnet50 on the CPU, our path against the plain one.

python benchmarks/gto99.py

Images have 321 x 481 pixels (Berkeley) and 450 x 600 (the largest of GrabCut).

The plain path has the same network: weights are standardised at every call, tensors are copied side by side, the image
is enlarged and normalised at every click. The outputs must agree: on average to 1e-3, at most to 2e-2 but for pixels
within 2e-2 of 0.5, of which rounding says whether they are kept.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from iis_gto99 import GTO99Model, build_network
from torch import Tensor

SHAPES = [(321, 481), (450, 600)]
CLICKS = [(220, 300, True), (300, 380, True), (100, 120, False), (260, 250, True)]


class Plain(GTO99Model):
    """Nothing prepared, nothing kept."""

    def __init__(self, network: Any) -> None:
        super().__init__(network)
        self._inference.prepare = lambda network: network

    def __call__(self, x: Tensor, z: Any, pcs: Any, ncs: Any) -> Any:
        return super().__call__(x, {**z, "features": self.encode(x)}, pcs, ncs)


def filled(network: torch.nn.Module) -> torch.nn.Module:
    """The network with random weights such that about half of an image is the object."""
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
        network.decoder.conv_up4[-1].weight.mul_(8)
        network.decoder.conv_up4[-1].bias.fill_(0.9)
    return network


def answers(model: GTO99Model, x: Tensor) -> tuple[list[Tensor], float]:
    """The answers to the clicks and the seconds of the fastest."""
    z, pcs, ncs, found, seconds = model.initialize_z(x, x[:, :1]), [], [], [], []
    for row, col, positive in CLICKS:
        pcs.append([[(row, col)] if positive else []])
        ncs.append([[] if positive else [(row, col)]])
        start = time.perf_counter()
        y, z = model(x, z, pcs, ncs)
        seconds.append(time.perf_counter() - start)
        found.append(y)
    return found, min(seconds)


def main() -> None:
    torch.manual_seed(0)
    network = filled(build_network())
    for shape in SHAPES:
        compare(network, shape)


def compare(network: torch.nn.Module, shape: tuple[int, int]) -> None:
    x = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 12), size=shape, mode="bicubic")
    x = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
    plain, ours = Plain(network), GTO99Model(network)
    for model in (plain, ours):
        answers(model, x)
    runs = [(answers(plain, x), answers(ours, x)) for _ in range(5)]
    expected, slow = min((run[0] for run in runs), key=lambda run: run[1])
    found, fast = min((run[1] for run in runs), key=lambda run: run[1])
    for number, (a, b) in enumerate(zip(expected, found, strict=True), 1):
        difference = (a - b).abs()
        decided = (torch.maximum(a, b) - 0.5).abs() > 2e-2
        mean, largest = float(difference.mean()), float(difference[decided].max())
        print(
            f"click {number}: object {float((b >= 0.5).float().mean()):.1%}, off by {mean:.1e}, at most {largest:.1e}"
        )
        assert mean < 1e-3, mean
        assert largest < 2e-2, largest
    print(f"{shape[0]} x {shape[1]}: plain {slow:.3f} s a click, ours {fast:.3f} s: {slow / fast:.2f} times faster")


if __name__ == "__main__":
    main()
