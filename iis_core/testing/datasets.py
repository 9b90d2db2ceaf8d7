"""Checks of datasets, on the first samples of each."""

from __future__ import annotations

import pickle

import numpy as np

from iis_core.datasets import SegDataset
from iis_core.datasets.base import info_of
from iis_core.plugins.specs import DatasetSpec
from iis_core.testing.results import CheckResult, Checks, equal, pending, require, run_all
from iis_core.types import Sample

dataset_checks = Checks()

_FIRST = 3


def check_dataset(dataset: SegDataset, spec: DatasetSpec) -> list[CheckResult]:
    """Check a dataset against the contract and against the counts in its spec."""
    return run_all(pending(dataset_checks, dataset, spec, expected_failures=spec.expected_failures))


@dataset_checks
def check_follows_the_protocol(dataset: SegDataset, spec: DatasetSpec) -> None:
    require(isinstance(dataset, SegDataset), "it lacks __len__ or __getitem__")
    require(len(dataset) > 0, "it is empty")
    require(all(isinstance(sample, Sample) for sample in _read_first(dataset)), "it does not return Sample")


@dataset_checks
def check_arrays(dataset: SegDataset, spec: DatasetSpec) -> None:
    for sample in _read_first(dataset):
        image, masks = sample.image, sample.masks
        is_rgb = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        require(is_rgb, f"image is {image.dtype} {image.shape}, not uint8 (H, W, 3)")
        fits = masks.dtype == np.int32 and masks.ndim == 3 and masks.shape[:2] == image.shape[:2]
        require(fits, f"masks are {masks.dtype} {masks.shape}, not int32 {(*image.shape[:2], 'L')}")
        require(masks.min() >= -1, f"masks hold {masks.min()}; below 0 only -1, for ignore, is allowed")


@dataset_checks
def check_info(dataset: SegDataset, spec: DatasetSpec) -> None:
    ids = set()
    for index, sample in enumerate(_read_first(dataset)):
        missing = {"id", "path", "objects"} - sample.info.keys()
        require(not missing, f"info lacks {', '.join(sorted(missing))}")
        known, whole = (
            {k: v for k, v in i.items() if k != "initial_mask"} for i in (info_of(dataset, index), sample.info)
        )
        require(equal(known, whole), "info(index) differs from the info of the sample")
        ids.add(sample.info["id"])
    require(len(ids) == min(_FIRST, len(dataset)), "two samples have the same id")


@dataset_checks
def check_objects_are_in_the_masks(dataset: SegDataset, spec: DatasetSpec) -> None:
    for sample in _read_first(dataset):
        for object_id, entry in sample.info["objects"].items():
            missing = {"layer", "value", "parent", "children", "class"} - entry.keys()
            require(not missing, f"object {object_id} lacks {', '.join(sorted(missing))}")
            present = (sample.masks[:, :, entry["layer"]] == entry["value"]).any()
            require(present, f"{sample.info['id']}: object {object_id} has no pixels")


@dataset_checks
def check_is_repeatable(dataset: SegDataset, spec: DatasetSpec) -> None:
    for first, second in zip(_read_first(dataset), _read_first(dataset), strict=True):
        _require_same(first, second, "reading a sample twice gives different arrays")


@dataset_checks
def check_can_be_pickled(dataset: SegDataset, spec: DatasetSpec) -> None:
    copy = pickle.loads(pickle.dumps(dataset))
    for first, second in zip(_read_first(dataset), _read_first(copy), strict=True):
        _require_same(first, second, "a pickled copy gives different arrays")


@dataset_checks
def check_counts(dataset: SegDataset, spec: DatasetSpec) -> None:
    objects = sum(len(info_of(dataset, index)["objects"]) for index in range(len(dataset)))
    for kind, expected, found in (("images", spec.images, len(dataset)), ("objects", spec.objects, objects)):
        require(expected in (None, found), f"{found} {kind} where {expected} were published")


def _read_first(dataset: SegDataset) -> list[Sample]:
    return [dataset[index] for index in range(min(_FIRST, len(dataset)))]


def _require_same(first: Sample, second: Sample, reason: str) -> None:
    same = np.array_equal(first.image, second.image) and np.array_equal(first.masks, second.masks)
    require(same and equal(first.info, second.info), reason)
