"""The published configs of networks, by their names in this plugin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SEGFORMER, _HRNET = "isegm.model.is_segformer_model.SegFormerModel", "isegm.model.is_hrnet_model.HRNetModel"


def _segformer(size: str, version: str) -> Mapping[str, Any]:
    return {
        "class": _SEGFORMER,
        "params": {"pipeline_version": version, "model_version": size, "with_aux_output": True},
    }


def _hrnet(width: int, ocr_width: int, small: bool, version: str) -> Mapping[str, Any]:
    shape = {"width": width, "ocr_width": ocr_width, "small": small}
    return {"class": _HRNET, "params": {"pipeline_version": version, **shape, "with_aux_output": True}}


CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "segformer-b0-s1": _segformer("b0", "s1"),
    "segformer-b0-s2": _segformer("b0", "s2"),
    "segformer-b3-s2": _segformer("b3", "s2"),
    "hrnet18s-s1": _hrnet(18, 48, True, "s1"),
    "hrnet18s-s2": _hrnet(18, 48, True, "s2"),
    "hrnet32-s2": _hrnet(32, 128, False, "s2"),
}
"""Configs as published, `{"class", "params"}`, without the parameters that are the same in all of them."""
