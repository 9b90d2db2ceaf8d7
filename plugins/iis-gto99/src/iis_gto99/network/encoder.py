"""ResNet-50 with group normalisation and standardised weights, dilated to a stride of 8."""

from __future__ import annotations

from torch import Tensor, nn

from iis_gto99.network.layers import StandardisedConv2d, group_norm

_BLOCKS = (3, 4, 6, 3)


class Encoder(nn.Module):
    """Computes features at strides 2, 4 and 8 from image and click maps, float32 (B, channels, H, W).

    Args:
        channels: number of channels of image and click maps together.

    Source: He et al. 2016, Deep Residual Learning; dilated as by Yu, Koltun, Funkhouser 2017.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = StandardisedConv2d(channels, 64, 7, 2, padding=3, bias=False)
        self.bn1 = group_norm(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1 = _make_layer(64, 64, _BLOCKS[0])
        self.layer2 = _make_layer(256, 128, _BLOCKS[1], stride=2)
        self.layer3 = _make_layer(512, 256, _BLOCKS[2], dilation=2)
        self.layer4 = _make_layer(1024, 512, _BLOCKS[3], dilation=4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stride2 = self.relu(self.bn1(self.conv1(x)))
        stride4 = self.layer1(self.maxpool(stride2))
        return stride2, stride4, self.layer4(self.layer3(self.layer2(stride4)))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two of 1x1, with a residual connection.

    Args:
        inputs: number of channels that enter.
        planes: number of channels of the 3x3 convolution; four times as many leave.
        stride: stride of the 3x3 convolution.
        dilation: dilation of the 3x3 convolution.
        shortcut: whether the residual connection has a convolution, to change stride or channels.
    """

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int, shortcut: bool) -> None:
        super().__init__()
        outputs = 4 * planes
        self.conv1 = StandardisedConv2d(inputs, planes, 1, bias=False)
        self.bn1 = group_norm(planes)
        self.conv2 = StandardisedConv2d(planes, planes, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = group_norm(planes)
        self.conv3 = StandardisedConv2d(planes, outputs, 1, bias=False)
        self.bn3 = group_norm(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if shortcut:
            change = StandardisedConv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(change, group_norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        z: Tensor = self.relu(y)
        return z


def _make_layer(inputs: int, planes: int, blocks: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Make a row of blocks; the first changes stride and channels, at half of the dilation."""
    first = Bottleneck(inputs, planes, stride, max(1, dilation // 2), shortcut=True)
    rest = (Bottleneck(4 * planes, planes, 1, dilation, shortcut=False) for _ in range(1, blocks))
    return nn.Sequential(first, *rest)
