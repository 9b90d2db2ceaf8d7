"""Sequences of clicks give what the published predictors give, under each policy."""

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
from published import REFERENCE, SMALL, compare
from torch import Tensor

IMAGES = dict(np.load(REFERENCE / "images.npz"))
POLICIES = {
    "always_feedback": {"multimask": "always", "previous_logits": True},
    "first_feedback": {"multimask": "first", "previous_logits": True},
    "never_feedback": {"multimask": "never", "previous_logits": True},
    "never_nofeedback": {"multimask": "never", "previous_logits": False},
}
CLOSE = 1e-4
"""A tenth of what is asked for; eight clicks of feedback add up rounding."""


def read_image(name: str) -> np.ndarray:
    if name in IMAGES:
        return IMAGES[name]
    shared = os.environ.get("IIS_SHARED")
    if not shared:
        pytest.skip("the photographs are in the folder that IIS_SHARED names")
    (path,) = Path(shared, "data", "GrabCut", "data_GT").glob(f"{name}.*")
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))


def read_reference(name: str, image: str) -> dict[str, np.ndarray]:
    file = f"{name}_{image}.npz"
    folder = REFERENCE if image in IMAGES else Path(os.environ["IIS_SHARED"], "reference", "sam")
    return dict(np.load(folder / file))


def compare_features(features: dict[str, Tensor], reference: dict[str, np.ndarray], prefix: str) -> None:
    embedding = features["embedding"][0]
    step = 3 if embedding.shape[-1] == 16 else 5
    assert compare(embedding[:: len(embedding) // 16, ::step, ::step], reference[f"{prefix}embedding"]) < 1e-5
    if "first_global_block" in features:
        tokens = features["first_global_block"][0]
        step = 5 if len(tokens) == 16 else 9
        found = tokens[::step, ::step, :: tokens.shape[-1] // 16]
        assert compare(found, reference[f"{prefix}first_global_block"]) < 1e-5
    for level in {"high_res_0", "high_res_1"} & features.keys():
        step = (features[level].shape[-1] // 7) | 1
        assert compare(features[level][0, ::8, ::step, ::step], reference[level]) < 1e-5


def replay(model: Any, x: Tensor, features: Any, reference: dict[str, np.ndarray], policy: str) -> dict[str, float]:
    """Click as in the reference; the largest differences."""
    z = model.initialize_z(x, x[:, :1], features=features)
    pcs, ncs, worst = [], [], {"logits": 0.0, "probability": 0.0, "area": 0.0}
    low, pixels = int(reference["stride_low_res"]), int(reference["stride_pixels"])
    for number, (row, col, is_positive) in enumerate(reference["clicks"].tolist()):
        pcs.append([[(row, col)] if is_positive else []])
        ncs.append([[] if is_positive else [(row, col)]])
        y, z = model(x, z, pcs, ncs)
        expected = {key: reference[f"{policy}/{key}"][number] for key in ("low_res", "probability", "area")}
        if z["logits"][0] is not None:
            found = compare(z["logits"][0][0, ::low, ::low], expected["low_res"])
            worst["logits"] = max(worst["logits"], found)
        difference = np.abs(y[0, 0, ::pixels, ::pixels].numpy() - expected["probability"]).max()
        worst["probability"] = max(worst["probability"], float(difference))
        worst["area"] = max(worst["area"], abs(int((y > 0.5).sum()) - int(expected["area"])))
    return worst


def check(name: str, image: str, load: Callable[..., Any], preprocessing: str) -> None:
    pixels = read_image(image)
    reference = read_reference(name, image)
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == str(reference["image_sha256"])
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    is_second = name.startswith("sam2")
    prefix = "float/" if preprocessing == "float" and not is_second else ""
    features = None
    for policy, keywords in POLICIES.items():
        if f"{prefix}{policy}/low_res" not in reference:
            continue
        model = load(name, preprocessing=preprocessing, **keywords)
        if features is None:
            seen = model.frame.prepare(x)[0]
            step = 41 if seen.shape[-1] == 1024 else 11
            assert compare(seen[:, ::step, ::step], reference[f"{prefix}input"]) < 1e-5
            features = model.encode(x)
            compare_features(features, reference, prefix)
        worst = replay(model, x, features, reference, f"{prefix}{policy}")
        print(name, image, preprocessing, policy, worst)
        assert worst["logits"] < CLOSE
        assert worst["probability"] < CLOSE
        assert worst["area"] <= 3


@pytest.mark.parametrize("image", ["synthetic_a", "synthetic_b"])
@pytest.mark.parametrize(
    ("name", "preprocessing"),
    [
        ("sam_tiny", "pil"),
        ("sam_tiny", "float"),
        ("sam_hq_tiny", "pil"),
        ("sam_hq_tiny", "float"),
        ("sam2_micro", "float"),
    ],
)
def test_small_networks(name: str, preprocessing: str, image: str, load_published: Callable[..., Any]) -> None:
    assert name in SMALL
    check(name, image, load_published, preprocessing)


@pytest.mark.slow
@pytest.mark.parametrize("image", ["synthetic_a", "synthetic_b", "doll", "106024"])
@pytest.mark.parametrize(
    ("name", "preprocessing"),
    [
        ("sam_vit_b", "pil"),
        ("sam_vit_b", "float"),
        ("sam_hq_vit_b", "pil"),
        ("sam_hq_vit_b", "float"),
        ("sam2.1_hiera_tiny", "float"),
    ],
)
def test_networks_of_the_published_size(
    name: str, preprocessing: str, image: str, load_published: Callable[..., Any]
) -> None:
    check(name, image, load_published, preprocessing)
