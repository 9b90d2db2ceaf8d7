"""HRNetV2, which keeps a high resolution throughout, with object-contextual heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from iis_core.models.hrnet.blocks import BasicBlock, Bottleneck, layer
from iis_core.models.hrnet.context import ObjectContext
from iis_core.models.inference.convolution import enlarge_and_convolve
from iis_core.models.inference.zoom import resize_aligned


class HRNet(nn.Module):
    """The backbone with its heads, for one class; names of parameters are those of published checkpoints.

    Args:
        width: channels of the highest resolution; each lower one has twice as many.
        ocr_width: channels of the object-contextual heads; 0 for a plain head, which has no auxiliary output.
        small: two blocks instead of four, and fewer modules.

    Source: Sun et al. 2019, High-Resolution Representations for Labeling Pixels and Regions.
    """

    conv_norms = (("conv1", "bn1"), ("conv2", "bn2"))

    def __init__(self, width: int, ocr_width: int, small: bool) -> None:
        super().__init__()
        blocks = 2 if small else 4
        widths = [width * 2**k for k in range(4)]
        self.conv1 = nn.Conv2d(3, 64, 3, 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, 2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = layer(Bottleneck, 64, 64, blocks)
        self.transition1 = _transition([64 * Bottleneck.expansion], widths[:2])
        self.stage2 = _stage(widths[:2], blocks, modules=1)
        self.transition2 = _transition(widths[:2], widths[:3])
        self.stage3 = _stage(widths[:3], blocks, modules=3 if small else 4)
        self.transition3 = _transition(widths[:3], widths)
        self.stage4 = _stage(widths, blocks, modules=2 if small else 3)
        self.widths = widths
        self._add_heads(sum(widths), ocr_width)

    def _add_heads(self, channels: int, ocr_width: int) -> None:
        self.has_context = ocr_width > 0
        self.wide: nn.Module | None = None
        if not self.has_context:
            self.cls_head: nn.Module = _head(channels, kernel=3)
            return
        wide = nn.Conv2d(channels, 2 * ocr_width, 3, padding=1)
        self.conv3x3_ocr = nn.Sequential(wide, nn.BatchNorm2d(2 * ocr_width), nn.ReLU(inplace=True))
        self.ocr_distri_head = ObjectContext(2 * ocr_width, ocr_width)
        self.cls_head = nn.Conv2d(2 * ocr_width, 1, 1)
        self.aux_head = _head(channels, kernel=1)

    def forward(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Compute logits and auxiliary logits, where there are any, float32 (B, 1, H / 4, W / 4).

        Args:
            image: normalised, float32 (B, 3, H, W).
            additional: float32 (B, 64, H / 2, W / 2), added after the first convolution, or None.
        """
        features, auxiliary = self.contexts(image, additional)
        return self.cls_head(features), auxiliary

    def contexts(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """As `forward`, but what the last head reads instead of its logits: float32 (B, C, H / 4, W / 4)."""
        branches = self.branches(image, additional)
        features = join_branches(branches)
        if not self.has_context:
            return features, None
        auxiliary = self.aux_head(features)
        wide = self.conv3x3_ocr(features) if self.wide is None else self.wide(branches)
        return self.ocr_distri_head(wide, auxiliary), auxiliary

    def branches(self, image: Tensor, additional: Tensor | None) -> list[Tensor]:
        """Features of all four resolutions, the highest first: float32 (B, width, H / 4, W / 4) and so on."""
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.relu(self.bn2(self.conv2(x if additional is None else x + additional)))
        branches = [self.layer1(x)]
        for transition, stage in (
            (self.transition1, self.stage2),
            (self.transition2, self.stage3),
            (self.transition3, self.stage4),
        ):
            # A new branch starts from the lowest resolution so far.
            inputs = [*branches, *[branches[-1]] * (len(transition) - len(branches))]
            branches = stage([change(x) for change, x in zip(transition, inputs, strict=True)])
        return branches

    def prepare_for_inference(self) -> None:
        """Convolve low resolutions before they are enlarged, where that is known to be the same."""
        if self.has_context and _is_folded_and_rectified(self.conv3x3_ocr):
            conv, *_ = self.conv3x3_ocr
            assert isinstance(conv, nn.Conv2d)
            self.wide = SplitConvolution(conv, self.widths)


class SplitConvolution(nn.Module):
    """A convolution of joined branches and a ReLU, which never enlarges the two lowest resolutions.

    Args:
        conv: the convolution.
        widths: channels of the branches.
    """

    def __init__(self, conv: nn.Conv2d, widths: list[int]) -> None:
        super().__init__()
        high, *self.low = torch.split(conv.weight.detach(), [sum(widths[:2]), *widths[2:]], dim=1)
        self.high = nn.Conv2d(sum(widths[:2]), conv.out_channels, 3, padding=1, device="meta")
        self.high.weight, self.high.bias = nn.Parameter(high.contiguous()), conv.bias

    def forward(self, branches: list[Tensor]) -> Tensor:
        y: Tensor = self.high(join_branches(branches[:2]))
        for x, weight in zip(branches[2:], self.low, strict=True):
            y += enlarge_and_convolve(x, weight, (y.shape[-2], y.shape[-1]), align_corners=True)
        return y.relu_()


def join_branches(branches: list[Tensor]) -> Tensor:
    """All at the resolution of the first, side by side."""
    return torch.cat([branches[0], *(resize_aligned(x, branches[0].shape[-2:]) for x in branches[1:])], dim=1)


class Fusion(nn.Module):
    """Branches of several resolutions, each a row of blocks, that then exchange what they found."""

    conv_norms = ()

    def __init__(self, widths: list[int], blocks: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([layer(BasicBlock, width, width, blocks) for width in widths])
        self.fuse_layers = nn.ModuleList(
            [
                nn.ModuleList([_exchange(widths, to, source) for source in range(len(widths))])
                for to in range(len(widths))
            ]
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        outputs = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        return [self._fused(outputs, to, exchange) for to, exchange in enumerate(self.fuse_layers)]

    def _fused(self, outputs: list[Tensor], to: int, exchange: nn.Module) -> Tensor:
        assert isinstance(exchange, nn.ModuleList)
        changed = [change(x) for change, x in zip(exchange, outputs, strict=True)]
        first, second, *others = (
            resize_aligned(x, outputs[to].shape[-2:]) if source > to else x for source, x in enumerate(changed)
        )
        total = first + second
        for other in others:
            total += other
        y: Tensor = self.relu(total)
        return y


def _exchange(widths: list[int], to: int, source: int) -> nn.Module:
    """From one resolution to another: 1x1 where it rises, strided 3x3 where it falls."""
    if source == to:
        return nn.Identity()
    if source > to:
        return nn.Sequential(nn.Conv2d(widths[source], widths[to], 1, bias=False), nn.BatchNorm2d(widths[to]))
    steps = [_halving(widths[source], widths[source], nn.ReLU(inplace=True)) for _ in range(to - source - 1)]
    return nn.Sequential(*steps, _halving(widths[source], widths[to]))


def _halving(inputs: int, outputs: int, *activation: nn.Module) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, 2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *activation)


def _transition(before: list[int], after: list[int]) -> nn.ModuleList:
    """From the branches of one stage to those of the next, which has one more."""
    changes: list[nn.Module] = []
    for k, width in enumerate(after):
        if k >= len(before):
            changes.append(nn.Sequential(_halving(before[-1], width, nn.ReLU(inplace=True))))
        elif before[k] == width:
            changes.append(nn.Identity())
        else:
            conv = nn.Conv2d(before[k], width, 3, padding=1, bias=False)
            changes.append(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)))
    return nn.ModuleList(changes)


def _stage(widths: list[int], blocks: int, modules: int) -> nn.Sequential:
    return nn.Sequential(*(Fusion(widths, blocks) for _ in range(modules)))


def _head(channels: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Conv2d(channels, 1, 1))


def _is_folded_and_rectified(sequence: nn.Module) -> bool:
    return [type(module) for module in sequence.children()] == [nn.Conv2d, nn.Identity, nn.ReLU]
