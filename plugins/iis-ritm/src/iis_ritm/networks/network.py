"""What both networks share: how image, previous mask and clicks enter, and the size of what leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core.clicks import disks, tanh_distances

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

_CONV_EXTEND = ("maps_transform.weight", "maps_transform.bias")
_CONV_EXTEND_LR_MULT = 0.1


class Scale(nn.Module):
    """A learned factor, never negative."""

    conv_norms = ()

    def __init__(self, initial: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale.abs()


class RITMNetwork(nn.Module):
    """Image and points in, logits out; subclasses give `backbone`.

    use_rgb_conv: image and click maps are mixed by 1x1 convolutions before the backbone; else the maps go through a
        small stack, or with conv_extend a single convolution, and are added after the stem.
    with_aux_output: also give the auxiliary logits.
    norm_radius: of disks, in pixels, or of the tanh form without use_disks.
    clicks_groups: radii of groups of clicks by their order, each with maps of its own: the first two clicks, one click
        each for the middle groups, the rest.
    with_prev_mask: the image has the previous mask as its fourth channel; binary_prev_mask binarises it at 0.5.
    norm_mean_std: by which the image is normalised.
    backbone_lr_mult: see `learning_rate_multipliers`.

    Source: Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance.
    """

    stem_channels = 64
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        use_rgb_conv: bool = True,
        with_aux_output: bool = False,
        norm_radius: float = 260,
        use_disks: bool = False,
        clicks_groups: Sequence[float] | None = None,
        with_prev_mask: bool = False,
        use_leaky_relu: bool = False,
        binary_prev_mask: bool = False,
        conv_extend: bool = False,
        norm_mean_std: Sequence[Sequence[float]] = IMAGENET,
        backbone_lr_mult: float = 0.1,
    ) -> None:
        super().__init__()
        self.with_aux_output = with_aux_output
        self.radii = [norm_radius] if clicks_groups is None else list(clicks_groups)
        self.use_disks = use_disks
        self.with_prev_mask = with_prev_mask
        self.binary_prev_mask = binary_prev_mask
        self.backbone_lr_mult = backbone_lr_mult
        mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in norm_mean_std)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        channels = 2 * len(self.radii) + with_prev_mask
        activation = nn.LeakyReLU(0.2, inplace=True) if use_leaky_relu else nn.ReLU(inplace=True)
        self.rgb_conv: nn.Module | None = None
        if use_rgb_conv:
            mixed = 6 + channels
            mix, out = nn.Conv2d(3 + channels, mixed, 1), nn.Conv2d(mixed, 3, 1)
            self.rgb_conv = nn.Sequential(mix, nn.BatchNorm2d(mixed), activation, out)
        elif conv_extend:
            self.maps_transform: nn.Module = nn.Conv2d(channels, self.stem_channels, 3, stride=2, padding=1)
        else:
            spread = nn.Conv2d(16, self.stem_channels, 3, stride=2, padding=1)
            self.maps_transform = nn.Sequential(nn.Conv2d(channels, 16, 1), activation, spread, Scale(0.05))

    def backbone(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Logits and auxiliary logits at some lower resolution.

        image: normalised, float32 (B, 3, H, W). additional: to be added after the stem.
        """
        raise NotImplementedError

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Logits.

        image: float32 (B, 3, H, W) in [0, 1]; with a previous mask (B, 4, H, W).
        points: float32 (B, 2n, 3) of (row, col, order), first n positive, order -1 for none.

        Returns `instances` (B, 1, H, W), and `instances_aux` where the network has it.
        """
        pixels, previous = image[:, :3], image[:, 3:4]
        maps = self.click_maps(points, (image.shape[-2], image.shape[-1]))
        if self.with_prev_mask:
            maps = torch.cat(((previous > 0.5).to(previous) if self.binary_prev_mask else previous, maps), dim=1)
        normalised = (pixels - self.mean) / self.std
        if self.rgb_conv is not None:
            outputs = self.backbone(self.rgb_conv(torch.cat((normalised, maps), dim=1)), None)
        else:
            outputs = self.backbone(normalised, self.maps_transform(maps))
        names = ("instances", "instances_aux") if self.with_aux_output else ("instances",)
        return {
            name: resized(logits, image.shape[-2:])
            for name, logits in zip(names, outputs, strict=False)
            if logits is not None
        }

    def click_maps(self, points: Tensor, shape: tuple[int, int]) -> Tensor:
        """Maps of all groups of clicks, float32 (B, 2 groups, H, W)."""
        draw = disks if self.use_disks else tanh_distances
        if len(self.radii) == 1:
            return draw(points, shape, self.radii[0])
        groups = _group_of(points, len(self.radii))
        return torch.cat([draw(_only(points, groups == k), shape, r) for k, r in enumerate(self.radii)], dim=1)

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """By which to multiply the learning rate of each parameter, as in the published training."""
        known = {name: self.learning_rate_multiplier(name) for name, _ in self.named_parameters()}
        return known | {name: _CONV_EXTEND_LR_MULT for name in known if name in _CONV_EXTEND}

    def learning_rate_multiplier(self, parameter: str) -> float:
        """Of one parameter, by its name."""
        raise NotImplementedError


def resized(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Bilinear, corners aligned."""
    return functional.interpolate(x, size=tuple(shape), mode="bilinear", align_corners=True)


def _group_of(points: Tensor, groups: int) -> Tensor:
    """The group of each point: its order, the last group for later ones and for a negative first click."""
    order = points[..., 2]
    is_negative = torch.arange(points.shape[1], device=points.device) >= points.shape[1] // 2
    late = (order >= groups) | ((order == 0) & is_negative)
    return torch.where(late, torch.full_like(order, groups - 1), order.floor())


def _only(points: Tensor, wanted: Tensor) -> Tensor:
    return torch.where((wanted & (points[..., 2] >= 0))[..., None], points, torch.full_like(points, -1.0))
