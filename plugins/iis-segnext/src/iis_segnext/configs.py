"""The published configs of networks, by their names in this plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]


def _make_config(
    *, side: int, patch: int, width: int, depth: int, heads: int, fusion: int, pyramid: Sequence[int], channels: int
) -> Config:
    attention = {"num_heads": heads, "mlp_ratio": 4, "qkv_bias": True}
    return {
        "class": "isegm.model.is_plainvit_model.PlainVitModel",
        "params": {
            "backbone_params": {
                "img_size": [side, side],
                "patch_size": [patch, patch],
                "in_chans": 3,
                "embed_dim": width,
                "depth": depth,
                "global_atten_freq": 3,
                **attention,
            },
            "neck_params": {"in_dim": width, "out_dims": [*pyramid]},
            "head_params": {
                "in_channels": [*pyramid],
                "in_select_index": [*range(len(pyramid))],
                "dropout_ratio": 0.1,
                "num_classes": 1,
                "out_channels": channels,
            },
            "fusion_params": {"type": "self_attention", "depth": fusion, "params": {"dim": width, **attention}},
            "use_disks": True,
            "norm_radius": 5,
        },
    }


def _make_vit_b(fusion: int) -> Config:
    return _make_config(
        side=1024, patch=16, width=768, depth=12, heads=12, fusion=fusion, pyramid=(128, 256, 512, 1024), channels=256
    )


CONFIGS: Mapping[str, Config] = {
    "vit-b-sax1": _make_vit_b(fusion=1),
    "vit-b-sax2": _make_vit_b(fusion=2),
    "vit-b-sax2-hq": _make_vit_b(fusion=2),
}
"""Configs as published, `{"class", "params"}`, with parameters by name."""

SMALL_CONFIG = _make_config(
    side=224, patch=8, width=16, depth=4, heads=2, fusion=1, pyramid=(8, 16, 16, 16), channels=8
)
"""A network of the same kind, with windows and global blocks, small enough to be checked in a second."""
