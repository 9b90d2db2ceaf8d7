"""Sequences of clicks give what the published code gives, step by step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from segnext_references import REFERENCE, TINY, VIT_B, compare
from torch import Tensor

from iis_core.clicks import points_from_clicks
from iis_core.types import Clicks

IMAGES = dict(np.load(REFERENCE / "images.npz"))
CLOSE = 1e-5
"""What is found is six times closer or more; eight clicks of feedback add up rounding."""


def read_image(name: str) -> np.ndarray:
    if name in IMAGES:
        return IMAGES[name]
    shared = os.environ.get("IIS_SHARED")
    if not shared:
        pytest.skip("the photographs are in the folder that IIS_SHARED names")
    (path,) = Path(shared, "data", "GrabCut", "data_GT").glob(f"{name}.*")
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


def read_reference(name: str, image: str) -> dict[str, np.ndarray]:
    folder = REFERENCE if image in IMAGES else Path(os.environ["IIS_SHARED"], "reference", "segnext")
    return dict(np.load(folder / f"{name}_{image}.npz"))


def check_step(network: Any, features: Tensor, previous: Tensor, points: Tensor, expected: dict[str, Any]) -> None:
    """One click, from the disks to the logits."""
    maps = network.draw_prompts(previous, points)
    assert [int(drawn.sum()) for drawn in maps[0, 1:]] == expected["disk_pixels"].tolist()
    prompts = network.embed_prompts(previous, points)
    tokens = prompts[0].flatten(1).T
    assert compare(tokens[:: len(tokens) // 64, :: tokens.shape[1] // 24], expected["prompt_feats"]) < CLOSE
    head = network.head(network.neck(network.fuse(features, prompts)))[0, 0]
    step, pixels = int(expected["stride_head"]), int(expected["stride_pixels"])
    assert compare(head[::step, ::step], expected["head_logits"]) < CLOSE
    logits = network.answer(features, previous, points)
    assert compare(logits[0, 0, ::pixels, ::pixels], expected["logits"]) < CLOSE


@torch.no_grad()
def check(name: str, image: str, load: Callable[..., Any], *, every_step: bool) -> None:
    pixels, reference = read_image(image), read_reference(name, image)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == str(reference["image_sha256"])
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    model = load(name)
    shown, step = model.network.prepare(x)[0], int(reference["stride_input"])
    assert compare(shown[:, ::step, ::step], reference["input"]) < CLOSE
    features = model.encode(x)
    found = features["image"][0]
    assert compare(found[:: len(found) // 24, ::5, ::5], reference["image_feats"]) < CLOSE
    z = model.initialize_z(x, x[:, :1], features=features)
    pcs: Clicks = []
    ncs: Clicks = []
    per_click = ("disk_pixels", "prompt_feats", "head_logits", "logits", "probability", "area")
    for number, (row, col, is_positive) in enumerate(reference["clicks"].tolist()):
        pcs.append([[(row, col)] if is_positive else []])
        ncs.append([[] if is_positive else [(row, col)]])
        expected = reference | {key: reference[key][number] for key in per_click}
        if every_step or number == 2:
            check_step(model.network, found[None], z["prediction"], points_from_clicks(pcs, ncs), expected)
        y, z = model(x, z, pcs, ncs)
        seen = y[0, 0, :: int(reference["stride_pixels"]), :: int(reference["stride_pixels"])]
        assert float(np.abs(seen.numpy() - expected["probability"]).max()) < CLOSE
        assert abs(int((y > 0.49).sum()) - int(expected["area"])) <= 3e-6 * y.numel() + 1


@pytest.mark.parametrize("image", ["synthetic_a", "synthetic_b"])
def test_the_small_network(image: str, load_published: Callable[..., Any]) -> None:
    check(TINY, image, load_published, every_step=True)


@pytest.mark.slow
@pytest.mark.parametrize("image", ["synthetic_a", "doll", "106024"])
def test_the_network_of_the_published_size(image: str, load_published: Callable[..., Any]) -> None:
    check(VIT_B, image, load_published, every_step=False)
