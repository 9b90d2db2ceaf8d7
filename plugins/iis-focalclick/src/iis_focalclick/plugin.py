"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iis_core.plugins import ModelSpec, Weights, hookimpl
from iis_focalclick.configs import CONFIGS

IIS_API = 1

_PAPER = "Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation"
_FOLDER = "https://drive.google.com/drive/folders/1XzUlpPqbzAyMt009HVpEeW31ln1FeXfX"
_SETS = ("grabcut", "berkeley", "pascal-voc", "coco-mval", "sbd", "davis", "davis585", "davis585, no initial masks")


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield _make_spec(
        "segformer-b0-s1",
        "SegFormer-B0 at 128 pixels, then a refiner at 256",
        (1.60, 1.86), (2.05, 3.29), (3.54, 4.22), (3.08, 4.21), (4.98, 7.60), (5.13, 7.42), (2.63, 3.69), (6.21, 9.06),
    )  # fmt: skip
    yield _make_spec(
        "segformer-b0-s2",
        "SegFormer-B0 at 256 pixels, then a refiner",
        (1.40, 1.66), (1.59, 2.27), (2.97, 3.52), (2.65, 3.59), (4.56, 6.86), (4.04, 5.49), (2.21, 3.08), (5.01, 7.22),
    )  # fmt: skip
    yield _make_spec(
        "segformer-b3-s2",
        "SegFormer-B3 at 256 pixels, then a refiner",
        (1.44, 1.50), (1.55, 1.92), (2.46, 2.88), (2.32, 3.12), (3.53, 5.59), (3.61, 4.90), (2.00, 2.76), (4.06, 5.89),
    )  # fmt: skip
    yield _make_spec(
        "hrnet18s-s1",
        "HRNet-18 small at 128 pixels, then a refiner at 256",
        (1.64, 1.88), (1.84, 2.89), (3.24, 3.91), (2.89, 4.00), (4.74, 7.29), (4.77, 6.56), (2.72, 3.82), (5.62, 8.08),
    )  # fmt: skip
    yield _make_spec(
        "hrnet18s-s2",
        "HRNet-18 small at 256 pixels, then a refiner",
        (1.48, 1.62), (1.60, 2.23), (2.93, 3.46), (2.61, 3.59), (4.43, 6.79), (3.90, 5.23), (2.47, 3.30), (4.87, 6.87),
    )  # fmt: skip
    yield _make_spec(
        "hrnet32-s2",
        "HRNet-32 at 256 pixels, then a refiner",
        (1.64, 1.80), (1.70, 2.36), (2.80, 3.35), (2.62, 3.65), (4.24, 6.61), (4.01, 5.39), (2.32, 3.09), (4.77, 6.84),
    )  # fmt: skip


def _make_spec(variant: str, summary: str, *results: tuple[float, float]) -> ModelSpec:
    """Make a spec; its results are NoC@85 and NoC@90 as published with the weights, by `_SETS`."""
    return ModelSpec(
        name=f"focalclick/{variant}",
        target="iis_focalclick.model:build_model",
        summary=summary,
        config={"network": CONFIGS[variant]},
        convert="iis_focalclick.checkpoints:convert_checkpoint",
        paper=_PAPER,
        initial_mask=True,
        trained_on="COCO+LVIS",
        weights=_make_weights(variant),
        results=_list_results(results),
        plain_keywords={"zoom_in": False},
        check_keywords={"weights": "random"},
    )


def _list_results(results: tuple[tuple[float, float], ...]) -> Mapping[str, Mapping[str, Any]]:
    return {name: dict(zip(("NoC@85", "NoC@90"), pair, strict=True)) for name, pair in zip(_SETS, results, strict=True)}


def _make_weights(variant: str) -> Weights:
    """All files of the folder are called `last_checkpoint.pth`; they are told apart by their subfolders."""
    started = ", trained from NVIDIA's ImageNet weights, for non-commercial use" if "segformer" in variant else ""
    licence = f"not stated by its authors{started}"
    return Weights(url=_FOLDER, file=f"focalclick_{variant}_cclvs.pth", by_hand=True, licence=licence)
