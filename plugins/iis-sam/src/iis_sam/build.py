"""The targets of the specs: a network with random weights, its frame, and the policy."""

from __future__ import annotations

from typing import Any

import torch

from iis_core import UserError
from iis_sam.configs import Config
from iis_sam.frames import PaddedFrame, SquareFrame
from iis_sam.model import Policy, SAM2Model, SAMHQModel, SAMModel
from iis_sam.networks import build_network

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


def build_sam(
    *,
    network: Config,
    multimask: str = "always",
    previous_logits: bool = True,
    preprocessing: str = "pil",
    precision: str = "fp32",
) -> SAMModel:
    """Build a SAM with random weights.

    Args:
        network: the config of the network, see `build_network`.
        multimask: see `Policy`.
        previous_logits: see `Policy`.
        preprocessing: see `PaddedFrame`.
        precision: see `Policy`.
    """
    built = build_network(network)
    policy = Policy(multimask=multimask, previous_logits=previous_logits, precision=precision)
    return SAMModel(built, PaddedFrame(built.config.vision_config.image_size, preprocessing), policy)


def build_sam_hq(
    *,
    network: Config,
    multimask: str = "always",
    previous_logits: bool = True,
    hq_token_only: bool = False,
    preprocessing: str = "pil",
    precision: str = "fp32",
) -> SAMHQModel:
    """Build a SAM-HQ with random weights.

    Args:
        network: the config of the network, see `build_network`.
        multimask: see `Policy`.
        previous_logits: see `Policy`.
        hq_token_only: see `SAMHQModel`.
        preprocessing: see `PaddedFrame`.
        precision: see `Policy`.
    """
    built = build_network(network)
    policy = Policy(multimask=multimask, previous_logits=previous_logits, precision=precision)
    frame = PaddedFrame(built.config.vision_config.image_size, preprocessing)
    return SAMHQModel(built, frame, policy, hq_token_only=hq_token_only)


def build_sam2(
    *,
    network: Config,
    multimask: str = "never",
    previous_logits: bool = True,
    clamp: float | None = 32.0,
    dynamic_mask: bool = True,
    preprocessing: str = "float",
    precision: str = "fp32",
) -> SAM2Model:
    """Build a SAM 2, EdgeTAM or SAM 3 tracker with random weights.

    Args:
        network: the config of the network, see `build_network`.
        multimask: see `Policy`.
        previous_logits: see `Policy`.
        clamp: see `Policy`.
        dynamic_mask: where one mask is asked for and it is not stable, give the best of three by predicted IoU instead.
        preprocessing: "float", the only one that is published for these.
        precision: see `Policy`.
    """
    if preprocessing != "float":
        raise UserError(f"preprocessing {preprocessing!r} is SAM's; the images of SAM 2 and later are resized in float")
    built: Any = build_network(network)
    built.to(memory_format=torch.channels_last)  # 6 % faster on a CPU, where SAM itself is slower for it
    built.mask_decoder.dynamic_multimask_via_stability = dynamic_mask
    policy = Policy(multimask=multimask, previous_logits=previous_logits, clamp=clamp, precision=precision)
    mean, std = _HALF if network["model_type"] == "sam3_tracker" else _IMAGENET
    return SAM2Model(built, SquareFrame(built.config.prompt_encoder_config.image_size, mean, std), policy)
