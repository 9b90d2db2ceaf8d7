"""The networks' configurations, in the form of transformers: what differs from the defaults of each type of model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Config = Mapping[str, Any]

OCCLUSION = "enable_occlusion_spatial_embedding"
"""In transformers' configs for videos this is what SAM 2.1 has and SAM 2 has not; still images do not need it."""


def _make_vit(model_type: str, width: int, depth: int, heads: int, global_blocks: Sequence[int]) -> Config:
    vision = {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "global_attn_indexes": [*global_blocks],
    }
    config = {"model_type": model_type, "vision_config": vision}
    return {**config, "mask_decoder_config": {"vit_dim": width}} if model_type == "sam_hq" else config


def _make_hiera(
    width: int,
    heads: int,
    blocks: Sequence[int],
    global_blocks: Sequence[int],
    windows: Sequence[int] = (8, 4, 14, 7),
    background: int = 7,
) -> Config:
    widths = [width << stage for stage in range(4)]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": heads,
        "blocks_per_stage": [*blocks],
        "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [heads << stage for stage in range(4)],
        "window_size_per_stage": [*windows],
        "global_attention_blocks": [*global_blocks],
        "window_positional_embedding_background_size": [background, background],
    }
    return {
        "model_type": "sam2",
        "vision_config": {"backbone_config": backbone, "backbone_channel_list": widths[::-1]},
    }


_VITS: Mapping[str, tuple[int, int, int, Sequence[int]]] = {
    "vit-b": (768, 12, 12, (2, 5, 8, 11)),
    "vit-l": (1024, 24, 16, (5, 11, 17, 23)),
    "vit-h": (1280, 32, 16, (7, 15, 23, 31)),
}
_HIERAS: Mapping[str, Config] = {
    "hiera-tiny": _make_hiera(96, 1, (1, 2, 7, 2), (5, 7, 9)),
    "hiera-small": _make_hiera(96, 1, (1, 2, 11, 2), (7, 10, 13)),
    "hiera-base-plus": _make_hiera(112, 2, (2, 3, 16, 3), (12, 16, 20), background=14),
    "hiera-large": _make_hiera(144, 2, (2, 6, 36, 4), (23, 33, 43), windows=(8, 4, 16, 8)),
}
_REPVIT = {
    "model_type": "timm_wrapper",
    "architecture": "repvit_m1",
    "num_classes": 1000,
    "model_args": {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]},
}

CONFIGS: Mapping[str, Config] = {
    **{size: _make_vit("sam", *values) for size, values in _VITS.items()},
    **{f"hq-{size}": _make_vit("sam_hq", *values) for size, values in _VITS.items()},
    **{f"2-{size}": {**config, OCCLUSION: False} for size, config in _HIERAS.items()},
    **{f"2.1-{size}": {**config, OCCLUSION: True} for size, config in _HIERAS.items()},
    "edgetam": {"model_type": "edgetam", "vision_config": {"backbone_config": _REPVIT}},
    "3": {"model_type": "sam3_tracker"},
}
"""The published networks, by their names in this plugin."""

_SMALL_VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "global_attn_indexes": [1],
    "window_size": 3,
    "image_size": 64,
    "output_channels": 32,
    "num_pos_feats": 16,
}
_SMALL_PROMPT = {"hidden_size": 32, "image_size": 64}
_SMALL_DECODER = {"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32}
_SMALL_HIERA = _make_hiera(8, 1, (1, 1, 2, 1), (3,))["vision_config"]
_SMALL_PYRAMID = {"fpn_hidden_size": 32, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}
_SMALL_REPVIT = {**_REPVIT["model_args"], "embed_dim": [8, 8, 16, 16], "depth": [1, 1, 1, 1]}  # type: ignore[dict-item]

SMALL_CONFIGS: Mapping[str, Config] = {
    "sam": {
        "model_type": "sam",
        "vision_config": _SMALL_VIT,
        "prompt_encoder_config": _SMALL_PROMPT,
        "mask_decoder_config": _SMALL_DECODER,
    },
    "sam_hq": {
        "model_type": "sam_hq",
        "vision_config": _SMALL_VIT,
        "prompt_encoder_config": _SMALL_PROMPT,
        "mask_decoder_config": {**_SMALL_DECODER, "vit_dim": 32},
    },
    "sam2": {
        "model_type": "sam2",
        "vision_config": {
            **_SMALL_PYRAMID,
            **_SMALL_HIERA,
            "backbone_config": {**_SMALL_HIERA["backbone_config"], "image_size": [64, 64]},
        },
        "prompt_encoder_config": _SMALL_PROMPT,
        "mask_decoder_config": _SMALL_DECODER,
    },
    "edgetam": {
        "model_type": "edgetam",
        "vision_config": {
            **_SMALL_PYRAMID,
            "backbone_config": {**_REPVIT, "model_args": _SMALL_REPVIT},
            "backbone_channel_list": [16, 16, 8, 8],
        },
        "prompt_encoder_config": _SMALL_PROMPT,
        "mask_decoder_config": _SMALL_DECODER,
    },
    "sam3_tracker": {
        "model_type": "sam3_tracker",
        "vision_config": {
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 56,
                "pretrain_image_size": 56,
                "window_size": 2,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        "prompt_encoder_config": {"hidden_size": 32, "image_size": 56, "patch_size": 14},
        "mask_decoder_config": _SMALL_DECODER,
    },
}
"""Networks of the same kinds, small enough to be checked in a second, by type of model."""


class Signature(NamedTuple):
    """What tells the published networks apart.

    Attributes:
        model_type: the type of model.
        width: the channels of the encoder's first block; 0 where it is timm's.
        depth: its number of blocks; 0 where it is timm's.
        occlusion: whether it has SAM 2.1's embedding of occlusion; None where SAM 2 and 2.1 are not told apart.
    """

    model_type: str
    width: int = 0
    depth: int = 0
    occlusion: bool | None = None


def sign(config: Config) -> Signature:
    """Return the signature of a published or a small network."""
    model_type, vision = config["model_type"], config.get("vision_config", {})
    if model_type in ("sam", "sam_hq"):
        return Signature(model_type, vision["hidden_size"], vision["num_hidden_layers"])
    backbone = vision.get("backbone_config", {})
    if model_type == "sam2":
        depth = sum(backbone["blocks_per_stage"])
        return Signature(model_type, backbone["hidden_size"], depth, config.get(OCCLUSION))
    if model_type == "sam3_tracker":
        return Signature(model_type, backbone.get("hidden_size", 1024), backbone.get("num_hidden_layers", 32))
    return Signature(model_type)
