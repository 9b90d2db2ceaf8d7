"""What this plugin offers: one model per family of configurations, and any configuration by its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from iis_core.plugins import ModelSpec, hookimpl
from iis_mmseg.index import FAMILIES

IIS_API = 1


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    for family, config in FAMILIES.items():
        summary = f"{family} of mmsegmentation, clicks by early or intermediate fusion"
        yield _spec(family, summary, defaults={"config": config})
    checked = {"weights": "random", "config": FAMILIES["segformer_mit-b0"]}
    yield _spec("config", "any configuration of mmsegmentation, by its path", check_keywords=checked)


def _spec(variant: str, summary: str, **own: Any) -> ModelSpec:
    return ModelSpec(
        name=f"mmseg/{variant}",
        target="iis_mmseg.models:load",
        summary=summary,
        licence="Apache-2.0",
        initial_mask=True,
        choices={"fusion": ("early", "intermediate"), "click_encoding": ("disks", "distances", "gaussians")},
        **{"check_keywords": {"weights": "random"}, **own},
    )
