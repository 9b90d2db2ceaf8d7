"""Residual networks, dilated to a stride of 8."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from iis_core.models.hrnet import BasicBlock, Block, Bottleneck, layer

BLOCKS: dict[str, tuple[Block, Sequence[int]]] = {
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """ResNet-34 with a 7x7 stem; deeper ones with three 3x3 convolutions in its place."""

    conv_norms = (("conv1", "bn1"),)

    def __init__(self, name: str) -> None:
        super().__init__()
        block, counts = BLOCKS[name]
        width = 64 if block is BasicBlock else 128
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False) if block is BasicBlock else _deep_stem()
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = layer(block, width, 64, counts[0])
        self.layer2 = layer(block, 64 * block.expansion, 128, counts[1], stride=2)
        self.layer3 = layer(block, 128 * block.expansion, 256, counts[2], dilation=2)
        self.layer4 = layer(block, 256 * block.expansion, 512, counts[3], dilation=4)

    def forward(self, x: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features of the first layer, at a stride of 4, and of the last, at 8.

        Args:
            x: normalised image, float32 (B, 3, H, W).
            additional: float32 (B, c, h, w), added to the first c channels of what the stem gives.
        """
        x = self.relu(self.bn1(self.conv1(x)))
        if additional is not None:
            x = x + functional.pad(additional, (0, 0, 0, 0, 0, x.shape[1] - additional.shape[1]))
        first = self.layer1(self.maxpool(x))
        return first, self.layer4(self.layer3(self.layer2(first)))


def _deep_stem() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 3, 2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)),
        *(nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)),
        nn.Conv2d(64, 128, 3, padding=1, bias=False),
    )
