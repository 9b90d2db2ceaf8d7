"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import ModelSpec, Weights, hookimpl

IIS_API = 1


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="gto99/resnet50",
        target="iis_gto99.model:build_model",
        summary="ResNet-50 with group normalisation, click encoder and guided filter",
        paper="Forte, Price, Cohen, Xu, Pitié 2020, Getting to 99% Accuracy in Interactive Segmentation",
        initial_mask=True,
        trained_on="synthetic composites, then SBD",
        weights=Weights(
            url="https://drive.google.com/file/d/1nJMTXSlprm5FQaQA5gfyU8CbSEX8ghzJ/view",
            file="InterSegSynthFT.pth",
            by_hand=True,
            licence="not stated by its authors",
        ),
        results={"grabcut": {"NoC@90": 1.74}, "berkeley": {"NoC@90": 2.93}},
        check_keywords={"weights": "random"},
    )
