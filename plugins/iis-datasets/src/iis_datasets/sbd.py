"""The Semantic Boundaries Dataset: instances in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from iis_core import UserError
from iis_datasets.annotated import AnnotatedImages, Annotation, describe_object, read_names, require_files

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

_SPARSE = 0.08
"""Training objects that fill less of their bounding box are left out, as in f-BRS and RITM."""


class SBD(AnnotatedImages):
    """SBD in its published layout: `img/ID.jpg`, `inst/ID.mat`, `train.txt`, `val.txt`.

    Args:
        root: the dataset's folder.
        split: "val" for evaluation, with every instance; "train" leaves out objects that fill less than 0.08 of their
            bounding box.

    Source: Hariharan et al. 2011, Semantic Contours from Inverse Detectors.
    """

    def __init__(self, root: str, *, split: str = "val") -> None:
        if split not in ("train", "val"):
            raise UserError(f"split must be train or val, not {split!r}")
        folder = Path(root)
        names = read_names(folder / f"{split}.txt")
        images = require_files([folder / "img" / f"{name}.jpg" for name in names], "images")
        super().__init__(list(zip(names, images, strict=True)))
        self.files = require_files([folder / "inst" / f"{name}.mat" for name in names], "instance files")
        self.leaves_out_sparse = split == "train"

    def annotation(self, index: int) -> Annotation:
        path = self.files[index]
        mask, categories = _read(path)
        objects = {}
        for value in (int(value) for value in np.unique(mask) if value > 0):
            if self.leaves_out_sparse and _measure_filled_part(mask == value) < _SPARSE:
                mask[mask == value] = 0
            else:
                known = value <= len(categories) and 1 <= categories[value - 1] <= len(_CLASSES)
                objects[value] = describe_object(
                    value, class_name=_CLASSES[categories[value - 1] - 1] if known else None
                )
        return Annotation(mask[:, :, None], objects, path)


def _read(path: Path) -> tuple[np.ndarray, list[int]]:
    """Read the instance numbers, int32 (H, W), and the category of each instance."""
    try:
        instances = loadmat(str(path))["GTinst"][0, 0]
        mask = instances["Segmentation"].astype(np.int32)
        names = instances.dtype.names or ()
        categories = instances["Categories"].ravel().astype(int).tolist() if "Categories" in names else []
    except Exception as error:
        raise UserError(f"{path} is not an instance file of SBD ({error}): fetch it again") from error
    return mask, categories


def _measure_filled_part(mask: np.ndarray) -> float:
    """Measure which fraction of its bounding box an object fills."""
    rows, columns = np.nonzero(mask)
    return float(len(rows) / ((np.ptp(rows) + 1) * (np.ptp(columns) + 1)))
