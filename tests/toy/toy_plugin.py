"""A plugin for the tests: a model that is exact and a dataset that needs no files."""

from __future__ import annotations

from iis_core.plugins import DatasetSpec, ModelSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_models():
    yield ModelSpec(
        name="toy/disks",
        target="toy_parts:DisksModel",
        summary="a disk for every click",
        has_weights=False,
        exact_batches=True,
        dataset_keywords={"shapes": {"shrink": 0.8}},
    )


@hookimpl
def iis_datasets():
    yield DatasetSpec(name="toy/shapes", target="toy_parts:ShapesDataset", summary="ellipses", licence="MIT")
