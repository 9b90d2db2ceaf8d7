"""Losses of interactive segmentation, one number per sample; ignored pixels count nowhere.

All take logits, float (B, 1, H, W), and a target, int8 (B, 1, H, W); 1 object, 0 background, -1 ignore; and return
float (B,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional

_TINY = 1e-12


def normalised_focal(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Focal loss whose weights are scaled to a mean of 1 in every sample, so that it does not fade as errors shrink.

    alpha: weight of object pixels, background having 1 - alpha. gamma: how much easy pixels are held back.

    Source: Sofiiuk, Barinova, Konushin 2019, AdaptIS; Lin et al. 2017, Focal Loss for Dense Object Detection.
    """
    entropy, doubt, counted = _focal_terms(logits, target, alpha)
    weight = doubt**gamma
    # Whatever is ignored has no doubt, and counts in neither sum.
    scale = _sum(counted) / (_sum(weight) + _TINY)
    return _sum(weight * scale.detach()[:, None, None, None] * entropy) / (_sum(counted) + _TINY)


def focal(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """The focal loss: cross entropy, weighted by how unsure each pixel is. Arguments as for `normalised_focal`."""
    entropy, doubt, counted = _focal_terms(logits, target, alpha)
    return _sum(doubt**gamma * entropy) / (_sum(counted) + _TINY)


def soft_iou(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the IoU of probabilities. Source: Rahman, Wang 2016, Optimizing Intersection-Over-Union."""
    y, truth, counted = logits.sigmoid(), *_parts(target, logits)
    return 1 - _sum(y * truth * counted) / (_sum(y.maximum(truth) * counted) + 1e-8)


def dice(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the Dice coefficient of probabilities. Source: Milletari, Navab, Ahmadi 2016, V-Net."""
    y, truth, counted = logits.sigmoid(), *_parts(target, logits)
    return 1 - 2 * _sum(y * truth * counted) / (_sum((y + truth) * counted) + 1e-8)


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy, averaged over all pixels, ignored ones included as 0: so RITM's auxiliary loss is."""
    truth, counted = _parts(target, logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (entropy * counted).flatten(1).mean(dim=1)


Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: Mapping[str, Loss] = {
    "normalised-focal": normalised_focal,
    "focal": focal,
    "soft-iou": soft_iou,
    "dice": dice,
    "bce": bce,
}
"""By name."""


def _parts(target: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """The truth, 0 or 1, and what counts."""
    return (target == 1).to(like), (target != -1).to(like)


def _focal_terms(logits: Tensor, target: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor]:
    """Per pixel: alpha-weighted cross entropy, one minus the probability of the truth, and whether it counts."""
    truth, counted = _parts(target, logits)
    doubt = (truth - logits.sigmoid()).abs() * counted
    entropy = -(1 - doubt + _TINY).clamp(max=1).log() * counted
    return entropy * (alpha * truth + (1 - alpha) * (1 - truth)), doubt, counted


def _sum(x: Tensor) -> Tensor:
    """Over each sample."""
    return x.flatten(1).sum(dim=1)
