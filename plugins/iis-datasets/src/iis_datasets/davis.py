"""DAVIS, 345 frames, the union of their objects."""

from __future__ import annotations

from iis_datasets.labels import read_binary
from iis_datasets.pairs import PairedDataset, pair_files


def davis(root: str) -> PairedDataset:
    """DAVIS frames in RITM's layout: `img/`, `gt/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(pair_files(root, "img", "gt"), read_binary)
