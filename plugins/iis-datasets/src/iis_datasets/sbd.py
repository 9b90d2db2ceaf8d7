"""The Semantic Boundaries Dataset: instances in MATLAB files."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from iis_core import UserError
from iis_core.errors import first_line
from iis_core.files.reading import read_bytes
from iis_datasets.annotated import AnnotatedImages, Annotation, describe_object, read_names, require_files

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)

_MATLAB_HEADER, _COMPRESSED = 128, 15
_LARGEST, _MOST = 1 << 26, 255

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
    content = read_bytes(path, _LARGEST)
    try:
        _check_unpacked_size(content)
        instances = loadmat(BytesIO(content), variable_names="GTinst")["GTinst"][0, 0]
        mask = _as_numbers(instances["Segmentation"])
        names = instances.dtype.names or ()
        categories = _as_numbers(instances["Categories"]).ravel().tolist() if "Categories" in names else []
        if mask.ndim != 2:
            raise ValueError(f"its segmentation has {mask.ndim} dimensions")
    except Exception as error:
        raise UserError(f"{path} is not an instance file of SBD ({first_line(error)}): fetch it again") from error
    return mask, categories


def _as_numbers(array: np.ndarray) -> np.ndarray:
    """Return whole numbers from 0 to 255 as int32, whatever numbers MATLAB has stored them as."""
    if array.dtype.kind not in "buif" or not ((array >= 0) & (array <= _MOST) & (array % 1 == 0)).all():
        raise ValueError(f"it holds other numbers than 0, 1, 2, ... {_MOST}")
    return array.astype(np.int32)


def _check_unpacked_size(content: bytes) -> None:
    """Refuse a MATLAB file whose compressed parts unpack to more than an annotation can have."""
    place, unpacked = _MATLAB_HEADER, 0
    order = ">" if content[_MATLAB_HEADER - 2 : _MATLAB_HEADER] == b"MI" else "<"
    while place + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}II", content, place)
        if kind == _COMPRESSED:
            unpacked += len(zlib.decompressobj().decompress(content[place + 8 : place + 8 + size], _LARGEST + 1))
        if unpacked > _LARGEST:
            raise ValueError(f"it unpacks to more than {_LARGEST} bytes")
        place += 8 + size


def _measure_filled_part(mask: np.ndarray) -> float:
    """Measure which fraction of its bounding box an object fills."""
    rows, columns = np.nonzero(mask)
    return float(len(rows) / ((np.ptp(rows) + 1) * (np.ptp(columns) + 1)))
