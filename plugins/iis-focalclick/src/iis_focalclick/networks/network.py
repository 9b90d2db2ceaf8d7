"""What both networks share: a coarse segmentor that sees the target, and a refiner that sees what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from iis_core import UserError
from iis_core.clicks import disks
from iis_core.models.inference import resize_aligned
from iis_core.models.published import IMAGENET
from iis_focalclick.networks.refiner import Refiner

_RADIUS = 5


class CoarseOutput(NamedTuple):
    """What the coarse segmentor computes.

    Args:
        logits: float32 (B, 1, h, w).
        feature: float32 (B, C, h, w), which the refiner is shown a crop of.
        auxiliary: more logits for training, or None.
    """

    logits: Tensor
    feature: Tensor
    auxiliary: Tensor | None = None


class FocalClickNetwork(nn.Module):
    """A coarse segmentor and a refiner; subclasses implement `segment`.

    Args:
        pipeline_version: "s1", whose coarse segmentor works at half of the size and with smaller disks, or "s2".
        with_aux_output: also compute the auxiliary logits, where the segmentor has any.
        backbone_lr_mult: see `learning_rate_multipliers`.
        norm_mean_std: mean and standard deviation of RGB in [0, 1], for normalisation.

    Raises:
        UserError: the version is unknown.

    Source: Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation.
    """

    conv_norms = ()
    small_radius: int
    refiner: Refiner
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        pipeline_version: str = "s1",
        with_aux_output: bool = False,
        backbone_lr_mult: float = 0.1,
        norm_mean_std: Sequence[Sequence[float]] = IMAGENET,
    ) -> None:
        super().__init__()
        if pipeline_version not in ("s1", "s2"):
            raise UserError(f"pipeline_version must be s1 or s2, not {pipeline_version!r}")
        self.is_small = pipeline_version == "s1"
        self.with_aux_output = with_aux_output
        self.backbone_lr_mult = backbone_lr_mult
        mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in norm_mean_std)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def segment(self, image: Tensor, maps: Tensor) -> CoarseOutput:
        """Compute logits and features at some lower resolution.

        Args:
            image: normalised, float32 (B, 3, H, W).
            maps: previous mask, positive and negative disks, float32 (B, 3, H, W).
        """
        raise NotImplementedError

    def coarse(self, image: Tensor, previous_mask: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Segment the target.

        Args:
            image: float32 (B, 3, H, W) in [0, 1].
            previous_mask: probabilities, float32 (B, 1, H, W).
            points: float32 (B, 2n, 3) of (row, col, order), the first n positive, order -1 for no click.

        Returns:
            Logits, float32 (B, 1, H, W), and features for the refiner, float32 (B, C, h, w).
        """
        return self.coarse_outputs(image, previous_mask, points)[:2]

    def coarse_outputs(self, image: Tensor, previous_mask: Tensor, points: Tensor) -> CoarseOutput:
        """As `coarse`, with the auxiliary logits, float32 (B, 1, H, W), where there are any."""
        shape = (image.shape[-2], image.shape[-1])
        maps = torch.cat((previous_mask, disks(points, shape, self.small_radius if self.is_small else _RADIUS)), dim=1)
        seen = (image - self.mean) / self.std
        if self.is_small:
            half = (max(1, shape[0] // 2), max(1, shape[1] // 2))
            seen, maps = resize_aligned(seen, half), resize_aligned(maps, half)
        found = self.segment(seen, maps)
        auxiliary = found.auxiliary if self.with_aux_output else None
        return CoarseOutput(
            resize_aligned(found.logits, shape),
            self.refiner.select(found.feature),
            None if auxiliary is None else resize_aligned(auxiliary, shape),
        )

    def refine(self, focus_image: Tensor, focus_points: Tensor, logits_crop: Tensor, feature_crop: Tensor) -> Tensor:
        """Refine what changed.

        Args:
            focus_image: float32 (B, 3, H, W) in [0, 1], cut out of the whole image; it is not normalised, as published.
            focus_points: all clicks, in pixels of `focus_image`, in the form of `coarse`.
            logits_crop: the same region of the coarse logits, float32 (B, 1, H, W).
            feature_crop: the same region of the features, float32 (B, C, h, w).

        Returns:
            Logits, float32 (B, 1, H, W).
        """
        return self.refine_outputs(focus_image, focus_points, logits_crop, feature_crop)[0]

    def refine_outputs(
        self, focus_image: Tensor, focus_points: Tensor, logits_crop: Tensor, feature_crop: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As `refine`, with the logits of where the refiner replaces what it is given, float32 (B, 1, H, W)."""
        maps = disks(focus_points, (focus_image.shape[-2], focus_image.shape[-1]), _RADIUS)
        refined: tuple[Tensor, Tensor] = self.refiner(focus_image, maps, logits_crop, feature_crop)
        return refined

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """List the factors of the parameters' learning rates by name, as in the published training."""
        return {name: self.learning_rate_multiplier(name) for name, _ in self.named_parameters()}

    def learning_rate_multiplier(self, parameter: str) -> float:
        """Find the factor of a parameter's learning rate.

        Args:
            parameter: name of the parameter.
        """
        raise NotImplementedError
