"""What this plugin offers. Listing imports this module only; a target is imported when it is first made."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import DatasetSpec, ModelSpec, RobotSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="plugin-template/grow",
        target="iis_plugin_template.region_growing:RegionGrowing",
        summary="regions that grow from the clicks until they meet; no weights",
        has_weights=False,
        exact_batches=True,
    )


@hookimpl
def iis_robots() -> Iterator[RobotSpec]:
    yield RobotSpec(
        name="plugin-template/jitter",
        target="iis_plugin_template.jitter:JitterRobot",
        summary="near the click of the robot ritm, in the same error, at random",
    )


@hookimpl
def iis_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="plugin-template/discs",
        target="iis_plugin_template.discs:DiscsDataset",
        summary="two discs on noisy ground, generated",
        licence="none is needed: the images are generated",
    )
