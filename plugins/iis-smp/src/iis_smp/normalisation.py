"""The mean and standard deviation that an encoder was trained with, without asking a server."""

from __future__ import annotations

import timm

Normalisation = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of RGB in [0, 1]."""

_IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES: Normalisation = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_DPN: Normalisation = ((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)


def find_normalisation(encoder_name: str, encoder_weights: str | None) -> Normalisation:
    """Look up the mean and standard deviation that an encoder was trained with.

    The numbers of segmentation_models_pytorch's own encoders are those that its code held up to version 0.4; those of
    timm's encoders come from timm.

    Args:
        encoder_name: an encoder of segmentation_models_pytorch, or `tu-` and the name of one of timm's.
        encoder_weights: name of the encoder's pretrained weights, or None.
    """
    if encoder_name.startswith(("tu-", "timm-")):
        if encoder_weights == "advprop":
            return _HALVES
        config = timm.get_pretrained_cfg(encoder_name.split("-", 1)[1], allow_unregistered=True)
        return _IMAGENET if config is None else (tuple(config.mean), tuple(config.std))
    if encoder_name.startswith(("inception", "xception")):
        return _HALVES
    return _DPN if encoder_name.startswith("dpn") else _IMAGENET
