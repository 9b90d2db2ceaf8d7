"""The coarse segmentor on SegFormer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core import UserError
from iis_core.models.hrnet import Scale
from iis_focalclick.networks.mix_transformer import SIZES, MixTransformer
from iis_focalclick.networks.network import CoarseOutput, FocalClickNetwork
from iis_focalclick.networks.refiner import Refiner, convolve_pixels

_WIDTHS = {"b0": 256, "b3": 512}


class SegFormerNetwork(FocalClickNetwork):
    """The published `SegFormerModel`.

    Args:
        model_version: "b0" or "b3".
        inputs: keywords of `FocalClickNetwork`; there are no auxiliary logits.

    Raises:
        UserError: the version is unknown.
    """

    small_radius = 3

    def __init__(self, *, model_version: str = "b0", **inputs: Any) -> None:
        super().__init__(**inputs)
        if model_version not in _WIDTHS:
            raise UserError(f"model_version must be {' or '.join(_WIDTHS)}, not {model_version!r}")
        # Published checkpoints hold the parameters of this layer and of the refiner's gate; nothing reads them.
        spread = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.maps_transform = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.Identity(), spread, Scale(0.05))
        self.feature_extractor = _SegFormer(model_version)
        self.refiner = Refiner(_WIDTHS[model_version], with_gate=True)

    def segment(self, image: Tensor, maps: Tensor) -> CoarseOutput:
        return CoarseOutput(*self.feature_extractor(image, maps))

    def learning_rate_multiplier(self, parameter: str) -> float:
        return self.backbone_lr_mult if parameter.startswith("feature_extractor.backbone.") else 1.0


class _SegFormer(nn.Module):
    def __init__(self, size: str) -> None:
        super().__init__()
        channels, depths = SIZES[size]
        self.backbone = MixTransformer(channels, depths)
        self.decode_head = _Head(channels, _WIDTHS[size])

    def forward(self, image: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.decode_head(self.backbone(image, maps))
        return found


class _Head(nn.Module):
    """Mixes the features of all stages at the size of the first.

    Args:
        channels: of the stages.
        width: of the mixture.
    """

    conv_norms = ()

    def __init__(self, channels: tuple[int, int, int, int], width: int) -> None:
        super().__init__()
        self.linear_c4 = _Linear(channels[3], width)
        self.linear_c3 = _Linear(channels[2], width)
        self.linear_c2 = _Linear(channels[1], width)
        self.linear_c1 = _Linear(channels[0], width)
        self.linear_fuse = _Mixture(4 * width, width)
        self.linear_pred = nn.Conv2d(width, 1, 1)
        self.dropout = nn.Dropout2d(0.1)
        self.merged: nn.Module | None = None

    @property
    def layers(self) -> tuple[_Linear, ...]:
        """Of the stages, in the order in which they are joined."""
        return self.linear_c4, self.linear_c3, self.linear_c2, self.linear_c1

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits (B, 1, h, w) and the mixed features (B, width, h, w)."""
        if self.merged is None:
            mapped = [layer(x) for layer, x in zip(self.layers, reversed(features), strict=True)]
            feature = self.dropout(self.linear_fuse(torch.cat([_enlarge(x, mapped[-1]) for x in mapped], dim=1)))
        else:
            feature = self.merged(features)
        return convolve_pixels(feature, self.linear_pred.weight, self.linear_pred.bias), feature

    def prepare_for_inference(self) -> None:
        """Make one layer of each stage's and its part of the mixture, and mix before enlarging; once that is folded."""
        if isinstance(self.linear_fuse.bn, nn.Identity):
            self.merged = _MergedHead(self)


class _MergedHead(nn.Module):
    """The mixed features of a head: a linear layer commutes with enlarging, and two of them are one."""

    def __init__(self, head: _Head) -> None:
        super().__init__()
        mixture = head.linear_fuse.conv
        assert mixture.bias is not None
        self.layers = nn.ModuleList()
        shift = mixture.bias.clone()
        for part, layer in zip(mixture.weight.flatten(1).chunk(4, dim=1), head.layers, strict=True):
            merged = nn.Linear(layer.proj.in_features, len(part), bias=False, device="meta")
            merged.weight = nn.Parameter(part @ layer.proj.weight)
            self.layers.append(merged)
            shift += part @ layer.proj.bias
        self.layers[-1].bias = nn.Parameter(shift)

    def forward(self, features: list[Tensor]) -> Tensor:
        mixed = [
            layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            for layer, x in zip(self.layers, reversed(features), strict=True)
        ]
        y: Tensor = mixed.pop()
        for x in mixed:
            y += _enlarge(x, y)
        return y.relu_()


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)


class _Linear(nn.Module):
    """A linear layer at every pixel."""

    conv_norms = ()

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.proj(x.permute(0, 2, 3, 1))
        return y.permute(0, 3, 1, 2)


class _Mixture(nn.Module):
    conv_norms = (("conv", "bn"),)

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv(x))
        return y.relu()
