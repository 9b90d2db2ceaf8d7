"""What both networks share: how image, previous mask and clicks enter, and the size of the logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from iis_core.clicks import disks, drop_negative_places, tanh_distances
from iis_core.models.hrnet import embed_maps
from iis_core.models.inference import resize_aligned
from iis_core.models.published import IMAGENET

_CONV_EXTEND = ("maps_transform.weight", "maps_transform.bias")
_CONV_EXTEND_LR_MULT = 0.1


class RITMNetwork(nn.Module):
    """Computes logits from an image and points; subclasses implement `backbone`.

    Args:
        use_rgb_conv: mix image and click maps by 1x1 convolutions before the backbone; else the maps go through a
            small stack of convolutions and are added after the stem.
        with_aux_output: also give the auxiliary logits.
        norm_radius: radius of the disks, in pixels, or of the tanh form without use_disks.
        use_disks: encode clicks as disks; else by the tanh of their distance.
        clicks_groups: radii of groups of clicks by their order, each with maps of its own: the first two clicks, one
            click each for the middle groups, the rest. None for a single group with norm_radius.
        with_prev_mask: the image has the previous mask as its fourth channel.
        use_leaky_relu: use leaky ReLU instead of ReLU where the click maps enter.
        binary_prev_mask: binarise the previous mask at 0.5.
        conv_extend: use a single convolution instead of the small stack.
        norm_mean_std: mean and standard deviation of RGB in [0, 1], for normalisation.
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
            self.maps_transform = embed_maps(channels, activation)

    def backbone(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Compute logits and auxiliary logits at some lower resolution.

        Args:
            image: normalised, float32 (B, 3, H, W).
            additional: features that are added after the stem, or None.
        """
        raise NotImplementedError

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Compute logits.

        Args:
            image: float32 (B, 3, H, W) in [0, 1]; with a previous mask (B, 4, H, W).
            points: float32 or float64 (B, 2n, 3) of (row, col, order), the first n positive, order -1 for no click.

        Returns:
            `instances`, float32 (B, 1, H, W), and `instances_aux` if the network has it.
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
            name: resize_aligned(logits, image.shape[-2:])
            for name, logits in zip(names, outputs, strict=False)
            if logits is not None
        }

    def click_maps(self, points: Tensor, shape: tuple[int, int]) -> Tensor:
        """Compute the maps of all groups of clicks.

        Args:
            points: as for `forward`.
            shape: (H, W).

        Returns:
            float32 (B, 2 groups, H, W).
        """
        render = disks if self.use_disks else tanh_distances
        points = drop_negative_places(points)
        if len(self.radii) == 1:
            return render(points, shape, self.radii[0])
        groups = _assign_groups(points, len(self.radii))
        return torch.cat([render(_keep(points, groups == k), shape, r) for k, r in enumerate(self.radii)], dim=1)

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """List the factors of the parameters' learning rates by name, as in the published training."""
        known = {name: self.learning_rate_multiplier(name) for name, _ in self.named_parameters()}
        return known | {name: _CONV_EXTEND_LR_MULT for name in known if name in _CONV_EXTEND}

    def learning_rate_multiplier(self, parameter: str) -> float:
        """Find the factor of a parameter's learning rate.

        Args:
            parameter: name of the parameter.
        """
        raise NotImplementedError


def _assign_groups(points: Tensor, groups: int) -> Tensor:
    """Assign each point to the group of its order; later clicks and a negative first click go to the last group."""
    order = points[..., 2]
    is_negative = torch.arange(points.shape[1], device=points.device) >= points.shape[1] // 2
    late = (order >= groups) | ((order == 0) & is_negative)
    return torch.where(late, torch.full_like(order, groups - 1), order.floor())


def _keep(points: Tensor, wanted: Tensor) -> Tensor:
    return torch.where((wanted & (points[..., 2] >= 0))[..., None], points, torch.full_like(points, -1.0))
