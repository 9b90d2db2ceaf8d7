"""Copies of networks that compute the same in less time."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from iis_core.models.inference import prepare_for_inference
from iis_focalclick.networks.segformer import SegFormerNetwork


def prepare(network: nn.Module) -> nn.Module:
    """Make a copy for inference; a network that is none of ours is given back itself.

    Args:
        network: in evaluation mode.
    """
    prepared = prepare_for_inference(network)
    if prepared is not network or type(network) is not SegFormerNetwork:
        return prepared
    # timm's blocks do not say how they run, and there is nothing in them to fold.
    changed = copy.deepcopy(network)
    parts: Any = changed
    parts.refiner = prepare_for_inference(network.refiner)
    parts.feature_extractor.decode_head = prepare_for_inference(network.feature_extractor.decode_head)
    return changed.to(memory_format=torch.channels_last)
