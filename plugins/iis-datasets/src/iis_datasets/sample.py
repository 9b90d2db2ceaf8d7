"""A small dataset that needs no download: photographs from scikit-image's wheel, masks from this plugin's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from iis_core import Sample
from iis_core.files.images import read_binary_mask, read_image

_OBJECTS = {
    "astronaut.png": ("astronaut", "helmet", "patch"),
    "chelsea.png": ("left-eye", "right-eye", "nose"),
    "coffee.png": ("cup", "spoon"),
    "coins.png": ("large-coin", "small-coin", "wide-coin", "chipped-coin"),
    "rocket.jpg": ("rocket",),
}
_PARTS = {"patch": "astronaut"}


class SampleDataset:
    """13 objects on 5 photographs: a person, vessels, small parts, coins, a rocket; the masks were made by hand.

    Every object has a layer of its own; the patch on the astronaut's suit is a part of the astronaut.
    """

    def __len__(self) -> int:
        return len(_OBJECTS)

    def info(self, index: int) -> Mapping[str, Any]:
        """Describe a sample without reading it."""
        file, names = list(_OBJECTS.items())[index]
        number = {name: i for i, name in enumerate(names, 1)}
        objects = {
            number[name]: {
                "layer": number[name] - 1,
                "value": 1,
                "parent": number.get(_PARTS.get(name, "")),
                "children": tuple(number[part] for part, whole in _PARTS.items() if whole == name),
                "class": name,
            }
            for name in names
        }
        return {"id": Path(file).stem, "path": str(_find_photographs() / file), "objects": objects}

    def __getitem__(self, index: int) -> Sample:
        file, names = list(_OBJECTS.items())[index]
        info = self.info(index)
        layers = [read_binary_mask(_find_masks() / f"{info['id']}-{name}.png") for name in names]
        return Sample(read_image(_find_photographs() / file), np.stack(layers, axis=2).astype(np.int32), info)


def _find_photographs() -> Path:
    with resources.as_file(resources.files("skimage")) as package:
        return package / "data"


def _find_masks() -> Path:
    with resources.as_file(resources.files("iis_datasets")) as package:
        return package / "sample_masks"
