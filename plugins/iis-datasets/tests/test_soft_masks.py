"""Masks with soft edges are told from masks with many objects."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from own_files import RGB, Save
from PIL import Image, ImageFilter

from iis_core import Sample, UserError


def through_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_a_mask_with_soft_edges_is_refused_or_taken_as_one_object(save: Save, read: Callable[..., Sample]) -> None:
    rows, columns = np.mgrid[:48, :64]
    soft = (255 / (1 + np.exp((np.hypot(rows - 24, columns - 32) - 15) * 2))).round().astype(np.uint8)
    save("masks/a.png", Image.fromarray(soft))
    with pytest.raises(UserError, match=r"a\.png has soft edges, .* threshold at half .*binary=true"):
        read()
    sample = read(binary=True)
    assert list(sample.info["objects"]) == [1]
    assert np.array_equal(sample.masks[:, :, 0] == 1, soft > 127)


@pytest.mark.parametrize(
    "soften",
    [
        lambda hard: hard.resize((45, 34), Image.Resampling.BILINEAR),
        lambda hard: hard.resize((32, 24), Image.Resampling.BOX),
        lambda hard: hard.resize((128, 96), Image.Resampling.BICUBIC),
        lambda hard: hard.filter(ImageFilter.GaussianBlur(1)),
        *(partial(through_jpeg, quality=quality) for quality in (75, 95)),
    ],
)
def test_every_way_to_soften_a_mask_is_noticed_and_undone(
    soften: Callable[[Image.Image], Image.Image], save: Save, read: Callable[..., Sample]
) -> None:
    rows, columns = np.mgrid[:48, :64]
    hard = np.hypot(rows - 24, columns - 31.5) < 15
    soft = soften(Image.fromarray(hard.astype(np.uint8) * 255))
    save("images/a.png", RGB.resize(soft.size))
    save("masks/a.png", soft)
    with pytest.raises(UserError, match="has soft edges"):
        read()
    found = read(binary=True).masks[:, :, 0] == 1
    expected = np.asarray(Image.fromarray(hard).resize(soft.size))
    assert (found & expected).sum() / (found | expected).sum() > 0.9


def test_thin_and_touching_objects_are_no_soft_edges(save: Save, read: Callable[..., Sample]) -> None:
    labels = np.zeros((48, 64), np.uint8)
    labels[10:40, 10:40], labels[5:45, 50], labels[24, 2:30], labels[8:10, 10:40] = 9, 1, 2, 11
    save("masks/a.png", Image.fromarray(labels))
    assert sorted(read().info["objects"]) == [1, 2, 9, 11]


def test_an_uncertain_rim_is_an_object_only_if_it_is_not_ignored(save: Save, read: Callable[..., Sample]) -> None:
    trimap = np.zeros((48, 64), np.uint8)
    trimap[9:41, 9:51], trimap[10:40, 10:50] = 128, 255
    save("masks/a.png", Image.fromarray(trimap))
    with pytest.raises(UserError, match="ignore=N"):
        read()
    assert list(read(ignore=128).info["objects"]) == [255]
