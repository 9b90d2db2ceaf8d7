"""What this plugin offers: one model for each architecture."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import ModelSpec, hookimpl
from iis_smp.index import ARCHITECTURES, ENCODERS

IIS_API = 1


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    for architecture, name in ARCHITECTURES.items():
        yield ModelSpec(
            name=f"smp/{architecture}",
            target="iis_smp.models:build_model",
            summary=f"{name} with any of its encoders, clicks by early or intermediate fusion",
            config={
                "architecture": architecture,
                "encoder_name": "resnet34",
                "fusion": "early",
                "click_encoding": "disks",
            },
            complete="iis_smp.models:complete_config",
            pretrained=("encoder_weights",),
            initial_mask=True,
            choices={
                "architecture": (architecture,),
                "encoder_name": (*(() if architecture == "dpt" else ENCODERS), "tu-*"),
                "fusion": ("early", "intermediate"),
                "click_encoding": ("disks", "distances", "gaussians"),
            },
            check_keywords={
                "weights": "random",
                "encoder_name": "tu-resnet18" if architecture == "dpt" else "resnet18",
            },
        )
