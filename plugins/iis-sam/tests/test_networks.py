"""Names, shapes and outputs of the networks equal the published ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from iis_sam import build_network
from iis_sam.configs import CONFIGS
from iis_sam.renames import rename_state
from published import REFERENCE, SIZES, SMALL, compare, published_shapes
from torch import Tensor


@pytest.mark.parametrize("name", [*SIZES, *SMALL])
def test_published_names_and_shapes_become_the_networks(name: str) -> None:
    config = SMALL[name] if name in SMALL else CONFIGS[SIZES[name]]
    with torch.device("meta"):
        wanted = build_network(config).state_dict()
        found = rename_state({key: torch.empty(shape) for key, shape in published_shapes()[name].items()})
    assert {key: value.shape for key, value in found.items()} == {key: value.shape for key, value in wanted.items()}


RENAMES = json.loads((REFERENCE / "sam_rename.json").read_text())


@pytest.mark.parametrize("name", RENAMES)
def test_every_published_tensor_goes_where_the_references_say(name: str) -> None:
    """Each tensor holds a number of its own, so that one that goes astray is seen."""
    numbers = {key: number for number, key in enumerate(RENAMES[name])}
    found = rename_state({key: torch.full((1, 1), float(number)) for key, number in numbers.items()})
    expected = {}
    for key, targets in RENAMES[name].items():
        for target in targets:
            place, _, row = target.removesuffix("]").partition("[")
            expected.setdefault(place, {})[int(row or 0)] = float(numbers[key])
    rows = {place: [own[row] for row in sorted(own)] for place, own in expected.items()}
    assert {place: len(own) for place, own in rows.items() if len(own) > 1} in (
        {},
        {"prompt_encoder.point_embed.weight": 4},
    )
    for place, own in rows.items():
        tensor = found.pop(place)
        assert [float(part.unique()) for part in tensor.chunk(len(own))] == own, place
    assert not found


def forward_inputs() -> tuple[Tensor, Tensor]:
    """The image and the mask input of the references, as their README defines them."""
    c, i, j = np.meshgrid(np.arange(3), np.arange(256), np.arange(256), indexing="ij")
    x = 1.5 * np.sin(0.045 * (c + 1) * i + 0.031 * j) + 0.5 * np.cos(0.21 * j - 0.13 * (c + 1) * i)
    i, j = np.meshgrid(np.arange(64), np.arange(64), indexing="ij")
    mask = 6 * np.sin(0.17 * i) * np.cos(0.11 * j)
    return torch.from_numpy(x.astype(np.float32))[None], torch.from_numpy(mask.astype(np.float32))[None]


class GivenPoints:
    """A frame that gives the first n of known points, whatever is clicked."""

    def __init__(self, reference: dict[str, np.ndarray]) -> None:
        self.points = torch.from_numpy(reference["points_xy"])

    def place(self, clicks: Any, shape: Any) -> Tensor:
        return self.points[: len(clicks)]


class Label:
    def __init__(self, positive: bool) -> None:
        self.positive = positive


@pytest.mark.parametrize("name", [*SMALL])
def test_the_network_alone_equals_the_published_one(name: str, load_published: Callable[..., Any]) -> None:
    reference = dict(np.load(REFERENCE / f"{name}_forward.npz"))
    model = load_published(name)
    model.frame = GivenPoints(reference)
    x, mask = forward_inputs()
    with torch.no_grad():
        features = model._encode(x)
        assert compare(features["embedding"][0, ::4], reference["embedding"]) < 1e-5
        assert compare(model._position(1)[0, ::4], reference["dense_positional_encoding"]) < 1e-5
        if name == "sam_hq_tiny":
            assert compare(features["first_global_block"][0, ::3, ::3], reference["first_global_block"]) < 1e-5
        if name == "sam2_micro":
            assert compare(features["high_res_0"][0, :, ::9, ::9], reference["high_res_0"]) < 1e-5
            assert compare(features["high_res_1"][0, :, ::5, ::5], reference["high_res_1"]) < 1e-5
        for case, (n, is_masked, several) in enumerate(reference["cases"]):
            clicks = [Label(bool(label)) for label in reference["labels"][:n]]
            sparse, dense = model._embed_prompts([mask if is_masked else None], [clicks], (256, 256))
            if n == 2 and is_masked:
                assert compare(sparse[0, 0], reference["sparse_embedding"]) < 1e-5
                assert compare(dense[0, ::4], reference["dense_embedding"]) < 1e-5
            masks, scores = model._decode(features, sparse, dense, bool(several))
            wanted = ~np.isnan(reference["predicted_iou"][case])
            assert compare(masks[0, :, ::3, ::3], reference["logits"][case, wanted]) < 1e-5
            np.testing.assert_allclose(scores[0], reference["predicted_iou"][case, wanted], atol=2e-6)
