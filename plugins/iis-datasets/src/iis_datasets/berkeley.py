"""Berkeley, 100 objects on 96 photographs, each object with an image file of its own."""

from __future__ import annotations

from iis_datasets.grabcut import read_trimap
from iis_datasets.pairs import PairedDataset, pair_files


def berkeley(root: str) -> PairedDataset:
    """Berkeley in RITM's layout: `images/`, `masks/`; 128 is ignored, more is the object, as for GrabCut."""
    return PairedDataset(pair_files(root, "images", "masks"), read_trimap)
