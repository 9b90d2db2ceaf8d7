"""The published configs of networks, by their names in this plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HRNET, _DEEPLAB = "isegm.model.is_hrnet_model.HRNetModel", "isegm.model.is_deeplab_model.DeeplabModel"
_CLICKS = {"use_leaky_relu": True, "use_rgb_conv": False, "use_disks": True, "norm_radius": 5}
_ITERATIVE = {**_CLICKS, "with_aux_output": True, "with_prev_mask": True}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "hrnet18s": {"class": _HRNET, "params": {"width": 18, "ocr_width": 48, "small": True, **_ITERATIVE}},
    "hrnet18": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, **_ITERATIVE}},
    "hrnet32": {"class": _HRNET, "params": {"width": 32, "ocr_width": 128, **_ITERATIVE}},
    "hrnet18-sbd": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, **_ITERATIVE}},
    "hrnet18-baseline": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, "with_aux_output": True, **_CLICKS}},
    "resnet34-baseline": {
        "class": _DEEPLAB,
        "params": {"backbone": "resnet34", "deeplab_ch": 128, "aspp_dropout": 0.2, **_CLICKS},
    },
}
"""Configs as published, `{"class", "params"}`, with parameters by name."""
