"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from iis_core.plugins import ModelSpec, Weights, hookimpl
from iis_sam.configs import CONFIGS, SMALL_CONFIGS

IIS_API = 1

_SAM = "Kirillov et al. 2023, Segment Anything"
_HQ = "Ke et al. 2023, Segment Anything in High Quality"
_SAM2 = "Ravi et al. 2024, SAM 2: Segment Anything in Images and Videos"
_EDGETAM = "Zhou et al. 2025, EdgeTAM: On-Device Track Anything Model"
_SAM3 = "Carion et al. 2025, SAM 3: Segment Anything with Concepts"

_POLICY = {"multimask": ("always", "first", "never"), "precision": ("fp32", "bf16", "fp16")}
_PADDED = {**_POLICY, "preprocessing": ("pil", "float")}
_SQUARE = {**_POLICY, "preprocessing": ("float",)}

_TETRIS: Mapping[str, float] = {
    "vit-b": 3.04, "vit-l": 2.60, "vit-h": 2.66, "hq-vit-b": 3.35, "hq-vit-l": 2.81, "hq-vit-h": 2.75,
    "2-hiera-tiny": 3.11, "2-hiera-small": 3.02, "2-hiera-base-plus": 2.83, "2-hiera-large": 2.74,
    "2.1-hiera-tiny": 3.11, "2.1-hiera-small": 3.04, "2.1-hiera-base-plus": 2.87, "2.1-hiera-large": 2.81,
}  # fmt: skip
"""NoC@90 of RClicks (emb-ai/rclicks, compute_benchmark_metrics.ipynb), with its click model instead of the robot."""

_DAVIS: Mapping[str, Mapping[str, float]] = {"vit-b": {"NoC@90": 5.148, "NoC@95": 10.791}}
"""Of SegNext (uncbiag/SegNext, notebooks/eval_sam.ipynb)."""


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    for size, hub in (("b", "base"), ("l", "large"), ("h", "huge")):
        yield _make_spec(
            f"vit-{size}", "sam", f"SAM on ViT-{size.upper()}", _SAM, f"facebook/sam-vit-{hub}", choices=_PADDED
        )
    for size, hub in (("b", "base"), ("l", "large"), ("h", "huge")):
        yield _make_spec(
            f"hq-vit-{size}",
            "sam_hq",
            f"SAM-HQ on ViT-{size.upper()}",
            _HQ,
            f"syscv-community/sam-hq-vit-{hub}",
            trained_on="SA-1B, then HQSeg-44K",
            choices=_PADDED,
        )
    for version in ("2", "2.1"):
        for size in ("tiny", "small", "base-plus", "large"):
            name, words = f"{version}-hiera-{size}", f"SAM {version} on Hiera {size.replace('-', ' ')}"
            yield _make_spec(name, "sam2", words, _SAM2, f"facebook/sam{name}", trained_on="SA-V, SA-1B")
    yield _make_spec(
        "edgetam", "edgetam", "EdgeTAM on RepViT-M1", _EDGETAM, "yonigozlan/EdgeTAM-hf", trained_on="SA-V, SA-1B"
    )
    yield _make_spec(
        "3",
        "sam3_tracker",
        "SAM 3's tracker",
        _SAM3,
        "facebook/sam3",
        licence="SAM License",
        trained_on="SA-Co, SA-V, SA-1B",
    )


def _make_spec(
    variant: str,
    model_type: str,
    summary: str,
    paper: str,
    hub: str,
    *,
    licence: str = "Apache-2.0",
    trained_on: str = "SA-1B",
    choices: Mapping[str, Any] = _SQUARE,
) -> ModelSpec:
    targets = {"sam": "build_sam", "sam_hq": "build_sam_hq"}
    return ModelSpec(
        name=f"sam/{variant}",
        target=f"iis_sam.build:{targets.get(model_type, 'build_sam2')}",
        summary=summary,
        paper=paper,
        licence="Apache-2.0",
        config={"network": CONFIGS[variant]},
        convert="iis_sam.checkpoints:convert_weights",
        choices=choices,
        trained_on=trained_on,
        weights=Weights(url=f"https://huggingface.co/{hub}", hub=hub, licence=licence),
        results=_list_results(variant),
        results_source="https://github.com/emb-ai/rclicks, compute_benchmark_metrics.ipynb; on DAVIS "
        "https://github.com/uncbiag/SegNext, notebooks/eval_sam.ipynb",
        check_keywords={"weights": "random", "network": SMALL_CONFIGS[model_type]},
    )


def _list_results(variant: str) -> Mapping[str, Mapping[str, float]]:
    davis = {"davis": _DAVIS[variant]} if variant in _DAVIS else {}
    tetris = {"tetris, clicks of RClicks": {"NoC@90": _TETRIS[variant]}} if variant in _TETRIS else {}
    return {**davis, **tetris}
