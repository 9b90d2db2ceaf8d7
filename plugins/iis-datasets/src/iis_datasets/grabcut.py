"""GrabCut, 50 images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iis_core.files.images import read_mask
from iis_datasets.pairs import PairedDataset, pair_files


def grabcut(root: str) -> PairedDataset:
    """GrabCut in its published layout: `data_GT/`, `boundary_GT/`; 128 is ignored, more is the object."""
    return PairedDataset(pair_files(root, "data_GT", "boundary_GT"), read_trimap)


def read_trimap(path: Path) -> np.ndarray:
    """1 above 128, -1 at 128, else 0, int32 (H, W). Raises UserError as `read_mask`."""
    codes = read_mask(path)
    return np.where(codes == 128, -1, codes > 128).astype(np.int32)
