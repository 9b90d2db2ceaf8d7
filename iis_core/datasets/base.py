"""The interface of datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from iis_core.types import Sample


@runtime_checkable
class SegDataset(Protocol):
    """Annotated images in a fixed order. It is deterministic and picklable, and opening it downloads nothing.

    A dataset that knows the `info` of a sample without reading its pixels also offers
    `info(index) -> dict`, which spares the evaluation a pass over all files.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def info_of(dataset: SegDataset, index: int) -> Mapping[str, Any]:
    """Return the info of a sample, without reading its pixels where the dataset allows that.

    Args:
        dataset: the dataset.
        index: the index of the sample.

    Returns:
        The info, as in `Sample`.
    """
    known = getattr(dataset, "info", None)
    info: Mapping[str, Any] = dataset[index].info if known is None else known(index)
    return info
