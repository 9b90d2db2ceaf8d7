"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iis_core.plugins import ModelSpec, Weights, hookimpl
from iis_segnext.configs import CONFIGS, SMALL_CONFIG

IIS_API = 1

_PAPER = (
    "Liu, Cho, Bansal, Niethammer 2024, Rethinking Interactive Image Segmentation with Low Latency, High Quality, and "
    "Diverse Prompts"
)
_DRIVE = "https://drive.google.com/file/d"
_METRICS = ("NoC@90", "NoC@95", ">=20@95", "mIoU@5")


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield _make_spec(
        "vit-b-sax1",
        "SegNext on ViT-B with one block of fusion",
        trained_on="COCO+LVIS",
        weights=Weights(
            url=f"{_DRIVE}/1G_m9_sVYVD2MBDf5ulrAUz-iSvi8bQfZ/view",
            by_hand=True,
            file="vitb_sa1_cocolvis_epoch_90.pth",
            licence="unknown, the code's is MIT",
        ),
        hqseg44k=(7.47, 11.94, 731, 0.8541),
        davis=(5.46, 13.31, 177, 0.9013),
    )
    yield _make_spec(
        "vit-b-sax2",
        "SegNext on ViT-B with two blocks of fusion",
        trained_on="COCO+LVIS",
        weights=Weights(
            url=f"{_DRIVE}/1uHEcvwA2spsLQqDJiYKqv1pf3vgLAG7-/view",
            by_hand=True,
            file="vitb_sa2_cocolvis_epoch_90.pth",
            licence="unknown, the code's is MIT",
        ),
        hqseg44k=(7.18, 11.52, 700, 0.8571),
        davis=(5.34, 12.80, 163, 0.8985),
    )
    yield _make_spec(
        "vit-b-sax2-hq",
        "SegNext on ViT-B with two blocks of fusion, trained further for fine masks",
        trained_on="COCO+LVIS, then HQSeg-44K",
        weights=Weights(
            url=f"{_DRIVE}/1qkXIvxnlY3Z4xLYGWJcoAHBUNyDmvwPS/view",
            by_hand=True,
            file="vitb_sa2_cocolvis_hq44k_epoch_0.pth",
            licence="unknown, the code's is MIT",
        ),
        hqseg44k=(5.32, 9.42, 583, 0.9175),
        davis=(4.43, 10.73, 123, 0.9187),
    )


def _make_spec(
    variant: str,
    summary: str,
    *,
    trained_on: str,
    weights: Weights,
    hqseg44k: Sequence[float],
    davis: Sequence[float],
) -> ModelSpec:
    return ModelSpec(
        name=f"segnext/{variant}",
        target="iis_segnext.model:build_model",
        summary=summary,
        paper=_PAPER,
        config={"network": CONFIGS[variant]},
        convert="iis_segnext.checkpoints:convert_checkpoint",
        pretrained=("pretrained",),
        weights=weights,
        trained_on=trained_on,
        initial_mask=True,
        results={
            "hqseg44k": dict(zip(_METRICS, hqseg44k, strict=True)),
            "davis": dict(zip(_METRICS, davis, strict=True)),
        },
        results_source="https://github.com/uncbiag/SegNext, README.md",
        check_keywords={"weights": "random", "network": SMALL_CONFIG},
    )
