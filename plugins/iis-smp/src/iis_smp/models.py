"""Building a model from a config: architecture, encoder, and how clicks enter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iis_core.models.fusion import FusionModel, fuse
from iis_smp.network import SMPNetwork
from iis_smp.normalisation import find_normalisation


def complete_config(config: Mapping[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Add the mean and standard deviation of the images, which a model folder keeps.

    Args:
        config: the config so far.
        keywords: keywords of `build_model` that are not part of the config.
    """
    if "mean" in config:
        return dict(config)
    mean, std = find_normalisation(config["encoder_name"], keywords.get("encoder_weights"))
    return {**config, "mean": list(mean), "std": list(std)}


def build_model(
    *,
    architecture: str,
    encoder_name: str,
    fusion: str,
    click_encoding: str,
    mean: Sequence[float],
    std: Sequence[float],
    encoder_weights: str | None = None,
    working_size: int | None = None,
) -> FusionModel:
    """Build a model with random weights.

    Args:
        architecture: a key of `ARCHITECTURES`.
        encoder_name: an encoder of segmentation_models_pytorch, or `tu-` and the name of one of timm's.
        fusion: "early" or "intermediate".
        click_encoding: "disks", "distances" or "gaussians".
        mean: mean of RGB in [0, 1], for normalisation; by default the one that the encoder was trained with.
        std: standard deviation, in the same form.
        encoder_weights: the encoder's pretrained weights to start from, e.g. "imagenet"; they are fetched.
        working_size: longest side of the image that the network is shown, in pixels; by default unlimited.

    Raises:
        UserError: the combination cannot work; the message says what to use instead.
    """
    return fuse(
        SMPNetwork(architecture, encoder_name, encoder_weights),
        fusion=fusion,
        click_encoding=click_encoding,
        mean=mean,
        std=std,
        working_size=working_size,
        what=f"smp/{architecture} with the encoder {encoder_name}",
        remedy="use another encoder, e.g. resnet34",
    )
