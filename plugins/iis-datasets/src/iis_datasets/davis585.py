"""DAVIS-585: objects in video frames, with initial masks to correct."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from iis_core import UserError
from iis_core.files.images import read_mask
from iis_datasets.annotated import AnnotatedImages, Annotation, Objects, describe_object, require_files


class Davis585(AnnotatedImages):
    """DAVIS-585 in its published layout: for each sequence a folder of `FRAME.jpg`, `objectK_FRAME.png`, `init_*.png`.

    Pixels above 128 are the object. Every object is a sample of its own, since it has its own initial mask.

    Args:
        root: the dataset's folder.
        initial_masks: "sp" (a good mask with simulated defects), "stm" (propagated through the video by a network),
            "zero" (an empty one, which a model that corrects given masks corrects), or "none" to start without a mask.

    Source: Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation.
    """

    def __init__(self, root: str, *, initial_masks: str = "sp") -> None:
        if initial_masks not in ("sp", "stm", "zero", "none"):
            raise UserError(f"initial_masks must be sp, stm, zero or none, not {initial_masks!r}")
        masks = sorted(file for file in Path(root).glob("*/*_*.png") if not file.name.startswith(("init", ".")))
        if not masks:
            raise UserError(f"{root} holds no SEQUENCE/objectK_FRAME.png: give the folder of the sequences")
        images = require_files([file.with_name(f"{file.stem.split('_')[-1]}.jpg") for file in masks], "images")
        names = [f"{file.parent.name}/{file.stem}" for file in masks]
        super().__init__(list(zip(names, images, strict=True)))
        self.masks = masks
        self.starts: list[Path] = []
        self.starts_empty = initial_masks == "zero"
        if initial_masks in ("sp", "stm"):
            starts = [file.with_name(f"init_{initial_masks}_{file.name}") for file in masks]
            self.starts = list(require_files(starts, "initial masks"))

    def objects(self, index: int) -> Objects:
        return {1: describe_object(1)}

    def annotation(self, index: int) -> Annotation:
        mask = (read_mask(self.masks[index]) > 128).astype(np.int32)
        start = np.zeros(mask.shape, bool) if self.starts_empty else None
        if self.starts:
            start = read_mask(self.starts[index]) > 128
        if start is not None and start.shape != mask.shape:
            raise UserError(f"{self.starts[index]} is {start.shape}, but its mask is {mask.shape}")
        return Annotation(mask[:, :, None], self.objects(index), self.masks[index], start)
