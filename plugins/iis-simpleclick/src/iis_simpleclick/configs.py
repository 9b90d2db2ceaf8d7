"""The published configs of networks, by their names in this plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def _make_config(
    width: int,
    depth: int,
    heads: int,
    out_dims: Sequence[int],
    *,
    patch: int = 16,
    size: int = 448,
    channels: int = 256,
) -> Mapping[str, Any]:
    backbone = {
        "img_size": [size, size],
        "patch_size": [patch, patch],
        "in_chans": 3,
        "embed_dim": width,
        "depth": depth,
        "num_heads": heads,
        "mlp_ratio": 4,
        "qkv_bias": True,
    }
    head = {
        "in_channels": list(out_dims),
        "in_index": [0, 1, 2, 3],
        "dropout_ratio": 0.1,
        "num_classes": 1,
        "align_corners": False,
        "upsample": "x1",
        "channels": channels,
    }
    params = {
        "use_disks": True,
        "norm_radius": 5,
        "with_prev_mask": True,
        "backbone_params": backbone,
        "neck_params": {"in_dim": width, "out_dims": list(out_dims)},
        "head_params": head,
        "random_split": False,
    }
    return {"class": "isegm.model.is_plainvit_model.PlainVitModel", "params": params}


_BASE = _make_config(768, 12, 12, (128, 256, 512, 1024))
_LARGE = _make_config(1024, 24, 16, (192, 384, 768, 1536))
_HUGE = _make_config(1280, 32, 16, (240, 480, 960, 1920), patch=14)
_XTINY = _make_config(160, 8, 4, (96, 192, 288, 384), channels=128)

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "vit-xtiny": _XTINY,
    "vit-b": _BASE,
    "vit-l": _LARGE,
    "vit-h": _HUGE,
    "vit-xtiny-sbd": _XTINY,
    "vit-b-sbd": _BASE,
    "vit-l-sbd": _LARGE,
    "vit-h-sbd": _HUGE,
}
"""Configs as published, `{"class", "params"}`, with parameters by name; training's loss is left out."""

SMALL_CONFIGS: Mapping[int, Mapping[str, Any]] = {
    patch: _make_config(32, 4, 2, (8, 16, 24, 32), patch=patch, size=224, channels=16) for patch in (14, 16)
}
"""Networks to try things on, by the size of their patches: the published structure, narrow and shallow."""
