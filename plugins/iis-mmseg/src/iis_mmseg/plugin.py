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
        yield _spec(family, f"{family} of mmsegmentation, clicks by early or intermediate fusion", config)
    yield _spec("config", "any configuration of mmsegmentation, by its path", FAMILIES["segformer_mit-b0"], check=True)


def _spec(variant: str, summary: str, config: str, *, check: bool = False) -> ModelSpec:
    named: dict[str, Any] = {"config": config}
    return ModelSpec(
        name=f"mmseg/{variant}",
        target="iis_mmseg.models:load",
        summary=summary,
        licence="Apache-2.0",
        initial_mask=True,
        defaults={} if check else named,
        choices={"fusion": ("early", "intermediate"), "click_encoding": ("disks", "distances", "gaussians")},
        check_keywords={"weights": "random", **(named if check else {})},
    )
