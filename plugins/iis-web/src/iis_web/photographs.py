"""The images that are clicked on: files, folders of files, or those of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from iis_core.datasets import SegDataset
from iis_core.datasets.base import info_of
from iis_core.errors import UserError, plugin_call
from iis_core.files.decoding import SUFFIXES
from iis_core.files.images import read_image, read_labels


@dataclass(frozen=True, eq=False)
class Photograph:
    """An image, not read yet.

    Args:
        id: its name, `/` between folders; its masks are kept under it.
        path: where it comes from, for people.
        read: reads it, uint8 (H, W, 3) RGB, and the masks to start from, int32 (H, W), 0 background, > 0 the number of
            an object; None where there are none.
    """

    id: str
    path: str
    read: Callable[[], tuple[np.ndarray, np.ndarray | None]]


def open_files(paths: Sequence[Path], masks: Path | None = None, out: Path | None = None) -> list[Photograph]:
    """List image files, and those in folders, subfolders too.

    Args:
        paths: files and folders. A link in a folder that leads out of it is passed over.
        masks: a folder of masks to start from, by the names of their images, ending in `.png`.
        out: a folder that is passed over within others, since what is clicked is kept there.

    Raises:
        UserError: a path is missing, a folder holds no images, or two images have one name.
    """
    files = [found for path in paths for found in _list_files(path, out)]
    named: dict[str, Path] = {}
    for name, file in files:
        if named.setdefault(name, file) != file:
            raise UserError(f"{named[name]} and {file} would both be kept as {name!r}: give the folder that holds both")
    return [
        Photograph(name, str(file), partial(_read_file, file, None if masks is None else masks / f"{name}.png"))
        for name, file in named.items()
    ]


def open_dataset(dataset: SegDataset) -> list[Photograph]:
    """List the images of a dataset; those that it gives an initial mask start from it."""
    photographs = []
    for place in range(len(dataset)):
        with plugin_call(f"listing image {place} of the dataset failed"):
            info = info_of(dataset, place)
        photographs.append(Photograph(str(info["id"]), str(info["path"]), partial(_read_sample, dataset, place)))
    return photographs


def _list_files(path: Path, out: Path | None) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.stem, path
        return
    if not path.is_dir():
        raise UserError(f"{path} is neither an image file nor a folder of images")
    whole = path.resolve()
    files = [file for file in sorted(path.rglob("*")) if file.suffix.lower() in SUFFIXES and file.is_file()]
    inside = [file for file in files if file.resolve().is_relative_to(whole)]
    if out is not None and whole in out.resolve().parents:
        inside = [file for file in inside if not file.resolve().is_relative_to(out.resolve())]
    if not inside:
        raise UserError(f"{path} holds no images ({', '.join(sorted(SUFFIXES))})")
    for file in inside:
        yield file.relative_to(path).with_suffix("").as_posix(), file


def _read_file(file: Path, mask: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    image = read_image(file)
    if mask is None or not mask.is_file():
        return image, None
    start = read_labels(mask)
    if start.shape != image.shape[:2]:
        raise UserError(f"{mask} is {start.shape}, but {file} is {image.shape[:2]}: take one of them away")
    return image, start


def _read_sample(dataset: SegDataset, place: int) -> tuple[np.ndarray, np.ndarray | None]:
    with plugin_call(f"reading image {place} of the dataset failed"):
        sample = dataset[place]
    mask = sample.info.get("initial_mask")
    return sample.image, None if mask is None else np.asarray(mask).astype(np.int32)
