"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iis_core.plugins import ModelSpec, Weights, hookimpl
from iis_ritm.configs import CONFIGS

IIS_API = 1

_PAPER = "Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance for Interactive Segmentation"
_RELEASE = "https://github.com/saic-vul/ritm_interactive_segmentation/releases/download/v1.0"


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield _make_spec(
        "hrnet18s",
        "HRNet-18 small, iterative training with mask guidance",
        weights=_make_weights("coco_lvis_h18s_itermask.pth"),
        results=_make_results(
            grabcut=(1.54, 1.68), berkeley=(None, 2.60), sbd=(4.04, 6.48), davis=(4.70, 5.98),
            pascal_voc=(2.57, None), coco_mval=(None, 3.33),
        ),
    )  # fmt: skip
    yield _make_spec(
        "hrnet18",
        "HRNet-18, iterative training with mask guidance",
        weights=_make_weights("coco_lvis_h18_itermask.pth"),
        results=_make_results(
            grabcut=(1.42, 1.54), berkeley=(None, 2.26), sbd=(3.80, 6.06), davis=(4.36, 5.74),
            pascal_voc=(2.28, None), coco_mval=(None, 2.98),
        ),
    )  # fmt: skip
    yield _make_spec(
        "hrnet32",
        "HRNet-32, iterative training with mask guidance",
        weights=_make_weights("coco_lvis_h32_itermask.pth"),
        results=_make_results(
            grabcut=(1.46, 1.56), berkeley=(1.43, 2.10), sbd=(3.59, 5.71), davis=(4.11, 5.34),
            pascal_voc=(2.57, None), coco_mval=(None, 2.97),
        ),
    )  # fmt: skip
    yield _make_spec(
        "hrnet18-sbd",
        "HRNet-18, iterative training with mask guidance, trained on SBD",
        trained_on="SBD",
        weights=_make_weights("sbd_h18_itermask.pth"),
        results=_make_results(
            grabcut=(1.76, 2.04), berkeley=(None, 3.22), sbd=(3.39, 5.43), davis=(4.94, 6.71),
            pascal_voc=(2.51, None), coco_mval=(None, 4.39),
        ),
    )  # fmt: skip
    yield _make_spec(
        "hrnet18-baseline",
        "HRNet-18, without previous mask",
        initial_mask=False,
        weights=_make_weights("coco_lvis_h18_baseline.pth"),
    )
    yield _make_spec(
        "resnet34-baseline",
        "DeepLabV3+ on ResNet-34, without previous mask",
        initial_mask=False,
        trained_on="",
    )


def _make_spec(
    variant: str, summary: str, *, initial_mask: bool = True, trained_on: str = "COCO+LVIS", **more: Any
) -> ModelSpec:
    return ModelSpec(
        name=f"ritm/{variant}",
        target="iis_ritm.model:build_model",
        summary=summary,
        config={"network": CONFIGS[variant]},
        convert="iis_ritm.checkpoints:convert_checkpoint",
        paper=_PAPER,
        initial_mask=initial_mask,
        trained_on=trained_on,
        results_source="https://github.com/SamsungLabs/ritm_interactive_segmentation, README.md",
        dataset_keywords={"davis": {"target_size": 600}, "davis585": {"target_size": 600}},
        plain_keywords={"target_size": None, "flip": False},
        check_keywords={"weights": "random"},
        **more,
    )


def _make_weights(file: str) -> Weights:
    return Weights(url=f"{_RELEASE}/{file}", licence="MIT")


def _make_results(**numbers: tuple[float | None, float | None]) -> Mapping[str, Mapping[str, float]]:
    """Make results from NoC@85 and NoC@90 by dataset, as published with the weights."""
    metrics = ("NoC@85", "NoC@90")
    return {
        dataset.replace("_", "-"): {m: n for m, n in zip(metrics, pair, strict=True) if n is not None}
        for dataset, pair in numbers.items()
    }
