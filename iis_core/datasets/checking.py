"""Checks that the files of a dataset are complete and correct."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np

from iis_core.datasets.base import SegDataset, info_of
from iis_core.datasets.regions import object_mask
from iis_core.errors import IISError, name_of, plugin_call
from iis_core.files.images import find_range
from iis_core.plugins.specs import DatasetSpec
from iis_core.threads import ahead
from iis_core.types import Sample

_DARK = 64


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with the files of a dataset.

    Args:
        sample: the id of the sample; empty for a finding on the whole dataset.
        problem: what is wrong, and what to do.
    """

    sample: str
    problem: str


def check_files(dataset: SegDataset, spec: DatasetSpec | None, workers: int = 2) -> Iterator[list[Finding]]:
    """Read every sample, in order, and at the end compare the counts with the published ones.

    Args:
        dataset: the dataset.
        spec: holds the published counts; None where they are those of another dataset, e.g. another split.
        workers: the number of threads that read.

    Yields:
        The findings of each sample, and at the end those of the whole dataset.
    """
    objects, inverted = 0, []
    for number, findings, surrounding in ahead(partial(_check_sample, dataset), range(len(dataset)), workers):
        objects += number
        inverted += surrounding
        yield findings
    notes = [Finding("", f"{file} has no image") for file in getattr(dataset, "unused", ())]
    if inverted:
        what = "touch three borders of their image and are larger than the rest of it"
        notes.append(Finding("", f"{len(inverted)} objects {what}, the first is {inverted[0]}: are masks inverted?"))
    notes += _list_left_out(getattr(dataset, "left_out", ()))
    counts = () if spec is None else (("images", len(dataset), spec.images), ("objects", objects, spec.objects))
    yield notes + [
        Finding("", f"{found} {what}, {published} are published: numbers will be those of another set")
        for what, found, published in counts
        if published is not None and found != published
    ]


def _check_sample(dataset: SegDataset, index: int) -> tuple[int, list[Finding], list[str]]:
    """Return the number of objects of a sample, what is wrong with it, and objects that look like a background."""
    try:
        with plugin_call(f"dataset {name_of(dataset)}: reading sample {index} failed"):
            sample = dataset[index]
    except IISError as error:
        return 0, [Finding(_read_name(dataset, index), str(error))], []
    name = str(sample.info["id"])
    objects = sample.info["objects"]
    empty, surrounding = [], []
    for o in objects:
        mask = object_mask(sample.masks, sample.info, o)
        if not mask.any():
            empty.append(o)
        elif _is_like_background(mask):
            surrounding.append(f"object {o} of {name}")
    remedy = f"in the mask of {sample.info['path']}: correct it, or leave the image out"
    findings = [Finding(name, f"object {o} has no pixels {remedy}") for o in empty]
    if not objects:
        findings = [Finding(name, f"there is no object {remedy}")]
    return len(objects), findings + _check_range(sample, name), surrounding


def _is_like_background(mask: np.ndarray) -> bool:
    """Return whether an object touches three borders of its image and is larger than the rest."""
    borders = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return bool(sum(border.any() for border in borders) >= 3 and 2 * mask.sum() > mask.size)


def _check_range(sample: Sample, name: str) -> list[Finding]:
    """Find images of 10 to 14 bits that are stored in 16, of which the upper 8 are read."""
    path = Path(str(sample.info["path"]))
    if sample.image.max() >= _DARK or not path.is_file():
        return []
    largest, possible = find_range(path)
    if largest == possible or not largest:
        return []
    cause = f"{path} stores numbers up to {largest} of {possible}, so that it is read nearly black"
    return [Finding(name, f"{cause}: multiply them to use the whole range")]


def _list_left_out(files: Sequence[Path]) -> list[Finding]:
    """Name files that are taken for no images, by their ending."""
    by_suffix = groupby(sorted(files, key=lambda file: (file.suffix.lower(), file)), lambda file: file.suffix.lower())
    return [
        Finding("", f"{len(some)} files ending in {suffix or 'nothing'} are left out, the first is {some[0]}")
        for suffix, some in ((suffix, list(group)) for suffix, group in by_suffix)
    ]


def _read_name(dataset: SegDataset, index: int) -> str:
    """Return the id of a sample, or its number where the id cannot be read either."""
    try:
        with plugin_call(f"dataset {name_of(dataset)}: sample {index} failed"):
            return str(info_of(dataset, index)["id"])
    except IISError:
        return f"sample {index}"
