"""Berkeley, 100 objects on 96 photographs, each object with an image file of its own."""

from __future__ import annotations

from iis_datasets.labels import read_binary
from iis_datasets.pairs import PairedDataset, paired_files


def berkeley(root: str) -> PairedDataset:
    """Berkeley in RITM's layout: `images/`, `masks/`; a pixel with any channel above 0 is the object."""
    return PairedDataset(paired_files(root, "images", "masks"), read_binary)
