"""Blocks of residual networks."""

from __future__ import annotations

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1
    conv_norms = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int = 1,
        dilation: int = 1,
        last_dilation: int = 1,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=last_dilation, dilation=last_dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = projection(inputs, planes, stride) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        z: Tensor = self.relu(y)
        return z


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1."""

    expansion = 4
    conv_norms = (("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))

    def __init__(
        self,
        inputs: int,
        planes: int,
        stride: int = 1,
        dilation: int = 1,
        last_dilation: int = 1,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(inputs, 4 * planes, stride) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        z: Tensor = self.relu(y)
        return z


Block = type[BasicBlock] | type[Bottleneck]


def projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """A 1x1 convolution where a shortcut changes the shape."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def layer(block: Block, inputs: int, planes: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Blocks in a row; the first changes stride and channels, at half of the dilation."""
    outputs = planes * block.expansion
    shortcut = stride != 1 or inputs != outputs
    first = block(inputs, planes, stride, max(1, dilation // 2), dilation, shortcut)
    rest = (block(outputs, planes, 1, dilation, dilation) for _ in range(1, blocks))
    return nn.Sequential(first, *rest)
