"""Losses for interactive segmentation, one number per batch element; ignored pixels add nothing.

Each takes logits, float (B, 1, H, W), and a target, int8 (B, 1, H, W) with 1 object, 0 background and -1 ignore, and
returns float (B,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional

_TINY = 1e-12
_HALF = 128.5 / 255


def normalised_focal(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Return a focal loss whose weights have a mean of 1 in every element, so that it does not fade as errors shrink.

    Args:
        logits: float (B, 1, H, W).
        target: int8 (B, 1, H, W); 1 object, 0 background, -1 ignore.
        alpha: the weight of object pixels; background pixels have 1 - alpha.
        gamma: how strongly easy pixels are weighted down.

    Returns:
        Float (B,).

    Source: Sofiiuk, Barinova, Konushin 2019, AdaptIS; Lin et al. 2017, Focal Loss for Dense Object Detection.
    """
    loss, counted = _compute_normalised_focal(logits, target, alpha, gamma)
    return _sum(loss) / (_sum(counted) + _TINY)


def boundary_focal(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Return `normalised_focal` with twice the weight along fine boundaries, for what refines them.

    Args:
        logits: float (B, 1, H, W).
        target: int8 (B, 1, H, W); 1 object, 0 background, -1 ignore.
        alpha: as for `normalised_focal`.
        gamma: as for `normalised_focal`.

    Returns:
        Float (B,).

    Source: Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation.
    """
    loss, _ = _compute_normalised_focal(logits, target, alpha, gamma)
    weight = 0.5 + 0.5 * mark_fine_boundaries(target).to(logits)
    return _sum(loss * weight) / _sum(weight)


def mark_fine_boundaries(target: Tensor) -> Tensor:
    """Mark where a target is lost at an eighth of its size, and the two pixels around.

    Args:
        target: int8 (B, 1, H, W); 1 object, 0 background, -1 ignore.

    Returns:
        Bool (B, 1, H, W).

    Source: Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation.
    """
    truth = (target == 1).float()
    height, width = truth.shape[-2:]
    small = functional.interpolate(truth, (max(1, height // 8), max(1, width // 8)), mode="bilinear")
    # Published masks are 0 and 255, resized to whole numbers and compared with 128.
    again = functional.interpolate((small > _HALF).float(), (height, width), mode="bilinear") > _HALF
    lost = (again != (truth > 0)).float()
    return functional.max_pool2d(lost, kernel_size=5, stride=1, padding=2) > 0


def focal(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Return the focal loss, a cross entropy in which the weight of a pixel grows with its doubt.

    Args:
        logits: float (B, 1, H, W).
        target: int8 (B, 1, H, W); 1 object, 0 background, -1 ignore.
        alpha: the weight of object pixels; background pixels have 1 - alpha.
        gamma: how strongly easy pixels are weighted down.

    Returns:
        Float (B,).
    """
    entropy, doubt, counted = _compute_focal_terms(logits, target, alpha)
    return _sum(doubt**gamma * entropy) / (_sum(counted) + _TINY)


def soft_iou(logits: Tensor, target: Tensor) -> Tensor:
    """Return one minus the IoU of probabilities.

    Source: Rahman, Wang 2016, Optimizing Intersection-Over-Union.
    """
    y, truth, counted = logits.sigmoid(), *_split_target(target, logits)
    return 1 - _sum(y * truth * counted) / (_sum(y.maximum(truth) * counted) + 1e-8)


def dice(logits: Tensor, target: Tensor) -> Tensor:
    """Return one minus the Dice coefficient of probabilities.

    Source: Milletari, Navab, Ahmadi 2016, V-Net.
    """
    y, truth, counted = logits.sigmoid(), *_split_target(target, logits)
    return 1 - 2 * _sum(y * truth * counted) / (_sum((y + truth) * counted) + 1e-8)


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Return the binary cross entropy, averaged over all pixels; ignored ones count as 0.

    This is the auxiliary loss of RITM.
    """
    truth, counted = _split_target(target, logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (entropy * counted).flatten(1).mean(dim=1)


Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: Mapping[str, Loss] = {
    "normalised-focal": normalised_focal,
    "boundary-focal": boundary_focal,
    "focal": focal,
    "soft-iou": soft_iou,
    "dice": dice,
    "bce": bce,
}
"""The losses, by name."""


def _split_target(target: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the truth, 1 on the object and 0 elsewhere, and which pixels count, in the dtype of `like`."""
    return (target == 1).to(like), (target != -1).to(like)


def _compute_focal_terms(logits: Tensor, target: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return per pixel the weighted cross entropy, the doubt (1 - probability of the truth) and whether it counts."""
    truth, counted = _split_target(target, logits)
    doubt = (truth - logits.sigmoid()).abs() * counted
    entropy = -(1 - doubt + _TINY).clamp(max=1).log() * counted
    return entropy * (alpha * truth + (1 - alpha) * (1 - truth)), doubt, counted


def _compute_normalised_focal(logits: Tensor, target: Tensor, alpha: float, gamma: float) -> tuple[Tensor, Tensor]:
    """Return per pixel the focal loss, with weights of a mean of 1, and whether it counts."""
    entropy, doubt, counted = _compute_focal_terms(logits, target, alpha)
    weight = doubt**gamma
    # Ignored pixels have a doubt of 0, so they add nothing to either sum.
    scale = _sum(counted) / (_sum(weight) + _TINY)
    return weight * scale.detach()[:, None, None, None] * entropy, counted


def _sum(x: Tensor) -> Tensor:
    """Sum over each batch element."""
    return x.flatten(1).sum(dim=1)
