"""The published references: networks, weights filled under the published names, comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fill_weights import fill_weights
from torch import Tensor

SIZES = {
    "sam_vit_b": "vit-b",
    "sam_vit_l": "vit-l",
    "sam_vit_h": "vit-h",
    "sam_hq_vit_b": "hq-vit-b",
    "sam_hq_vit_l": "hq-vit-l",
    "sam_hq_vit_h": "hq-vit-h",
    "sam2.1_hiera_tiny": "2.1-hiera-tiny",
    "sam2.1_hiera_small": "2.1-hiera-small",
    "sam2.1_hiera_base_plus": "2.1-hiera-base-plus",
    "sam2.1_hiera_large": "2.1-hiera-large",
    "sam2_hiera_tiny": "2-hiera-tiny",
}
"""Our names of the published networks, without the namespace."""

REFERENCE = Path(__file__).parent / "reference"


def _small_vit(model_type: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "model_type": model_type,
        "vision_config": {
            "hidden_size": 48,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "global_attn_indexes": [1, 3],
            "window_size": 5,
            "image_size": 256,
            "output_channels": 64,
            "num_pos_feats": 32,
        },
        "prompt_encoder_config": {"hidden_size": 64, "image_size": 256},
        "mask_decoder_config": {"hidden_size": 64, "mlp_dim": 128, "iou_head_hidden_dim": 64},
    }
    if model_type == "sam_hq":
        config["mask_decoder_config"]["vit_dim"] = 48
    return config


SMALL: Mapping[str, Any] = {
    "sam_tiny": _small_vit("sam"),
    "sam_hq_tiny": _small_vit("sam_hq"),
    "sam2_micro": {
        "model_type": "sam2",
        "vision_config": {
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 16,
                "num_attention_heads": 1,
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [16, 32, 64, 128],
                "num_attention_heads_per_stage": [1, 2, 4, 8],
                "window_size_per_stage": [8, 4, 14, 7],
                "global_attention_blocks": [3],
                "image_size": [256, 256],
            },
            "backbone_channel_list": [128, 64, 32, 16],
            "fpn_hidden_size": 64,
            "backbone_feature_sizes": [[64, 64], [32, 32], [16, 16]],
        },
        "prompt_encoder_config": {"hidden_size": 64, "image_size": 256},
        "mask_decoder_config": {"hidden_size": 64},
    },
}
"""The networks that the small references were computed with."""

NAMES: Mapping[str, str] = {
    "sam_tiny": "sam/vit-b",
    "sam_hq_tiny": "sam/hq-vit-b",
    "sam2_micro": "sam/2.1-hiera-tiny",
    "sam_vit_b": "sam/vit-b",
    "sam_hq_vit_b": "sam/hq-vit-b",
    "sam2.1_hiera_tiny": "sam/2.1-hiera-tiny",
}
"""The name by which the model of each reference is loaded."""


@cache
def published_shapes() -> dict[str, dict[str, list[int]]]:
    """The names and shapes of every published network, by its name in the references."""
    models = json.loads((REFERENCE / "sam_models.json").read_text())
    return {name: model["state_dict"] for name, model in models.items()}


def published_state(name: str) -> dict[str, Tensor]:
    """The state dict under the published names, filled and adjusted as for the references."""
    filled = fill_weights({key: torch.empty(shape) for key, shape in published_shapes()[name].items()})
    adjustments = json.loads((REFERENCE / "sam_adjustments.json").read_text())[name]
    for pattern, (factor, addend) in adjustments.items():
        for key in filled:
            if fnmatchcase(key, pattern):
                filled[key] = factor * filled[key] + addend
    return filled


def compare(found: Tensor | np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, as a part of the largest expected magnitude."""
    found = found.detach().numpy() if isinstance(found, Tensor) else found
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())
