"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iis_core.plugins import ModelSpec, Weights, hookimpl
from iis_simpleclick.configs import CONFIGS, SMALL_CONFIGS

IIS_API = 1

_PAPER = "Liu et al. 2023, SimpleClick: Interactive Image Segmentation with Simple Vision Transformers"
_FOLDER = "https://drive.google.com/drive/folders/1qpK0gtAPkVMF7VC42UA9XF4xMWr5KJmL"
_SIZES = {"xtiny": "an extremely tiny ViT", "b": "ViT-B", "l": "ViT-L", "h": "ViT-H"}
_FILES = {"xtiny": "vit_xtiny.pth", "b": "vit_base.pth", "l": "vit_large.pth", "h": "vit_huge.pth"}

_SOURCES = {
    "vit-b": "Lee et al. 2024, MFP: Making Full Use of Probability Maps for Interactive Image Segmentation",
    "vit-h": "Huang et al. 2024, FocSAM: Delving Deeply into Focused Objects in Segmenting Anything",
}
_RESULTS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "vit-b": {
        "grabcut": {"NoC@85": 1.38, "NoC@90": 1.48},
        "berkeley": {"NoC@85": 1.36, "NoC@90": 1.97},
        "sbd": {"NoC@85": 3.43, "NoC@90": 5.62},
        "davis": {"NoC@85": 3.66, "NoC@90": 5.06},
    },
    "vit-h": {
        "grabcut": {"NoC@90": 1.50},
        "berkeley": {"NoC@90": 1.75},
        "sbd": {"NoC@90": 4.70},
        "davis": {"NoC@90": 4.78},
    },
    "vit-h-sbd": {"sbd": {"NoC@90": 4.15}},
}
"""The repository states none; those without a source in `_SOURCES` are of the paper's abstract."""


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    for size in _SIZES:
        yield _make_spec(size, "", "COCO+LVIS")
    for size in _SIZES:
        yield _make_spec(size, "-sbd", "SBD")


def _make_spec(size: str, suffix: str, trained_on: str) -> ModelSpec:
    variant, is_published = f"vit-{size}{suffix}", (size, suffix) != ("xtiny", "")
    config = CONFIGS[variant]
    patch = config["params"]["backbone_params"]["patch_size"][0]
    return ModelSpec(
        name=f"simpleclick/{variant}",
        target="iis_simpleclick.model:build_model",
        summary=f"{_SIZES[size]} with a simple feature pyramid" + (", trained on SBD" if suffix else ""),
        paper=_PAPER,
        config={"network": config},
        convert="iis_simpleclick.checkpoints:convert_checkpoint",
        defaults={} if size == "xtiny" else {"layer_decay": 0.75},
        pretrained=("pretrained",),
        initial_mask=True,
        trained_on=trained_on if is_published else "",
        weights=_make_weights(size, suffix) if is_published else None,
        results=_RESULTS.get(variant, {}),
        results_source=_SOURCES.get(variant, ""),
        dataset_keywords={"davis": {"target_size": 672}, "davis585": {"target_size": 672}},
        plain_keywords={"target_size": None, "flip": False},
        check_keywords={"weights": "random", "network": SMALL_CONFIGS[patch], "target_size": 224},
    )


def _make_weights(size: str, suffix: str) -> Weights:
    """The repository says nothing of the weights' licence; all but the smallest were trained from MAE's."""
    started = "" if size == "xtiny" else ", trained from MAE's, which are CC BY-NC 4.0"
    prefix = "sbd" if suffix else "cocolvis"
    return Weights(
        url=_FOLDER, file=f"{prefix}_{_FILES[size]}", by_hand=True, licence=f"not stated by its authors{started}"
    )
