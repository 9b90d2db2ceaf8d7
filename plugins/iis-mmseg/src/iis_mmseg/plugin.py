"""What this plugin offers: one model for each family of configurations, and any configuration by its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from iis_core.plugins import ModelSpec, hookimpl
from iis_mmseg.index import FAMILIES

IIS_API = 1

_ANY = ModelSpec(
    name="mmseg/config",
    target="iis_mmseg.models:build_model",
    summary="any configuration of mmsegmentation, by its path",
    licence="Apache-2.0",
    config={"config": None, "fusion": "early", "click_encoding": "disks"},
    complete="iis_mmseg.models:complete_config",
    pretrained=("checkpoint",),
    initial_mask=True,
    choices={"fusion": ("early", "intermediate"), "click_encoding": ("disks", "distances", "gaussians")},
    check_keywords={"weights": "random", "config": FAMILIES["segformer_mit-b0"]},
)


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    for family, config in FAMILIES.items():
        yield replace(
            _ANY,
            name=f"mmseg/{family}",
            summary=f"{family} of mmsegmentation, clicks by early or intermediate fusion",
            config={**_ANY.config, "config": config},
            choices={**_ANY.choices, "config": (config,)},
            check_keywords={"weights": "random"},
        )
    yield _ANY
