"""The models: the contract, batches, policies, precision, one encoding for all objects of an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_sam.configs import CONFIGS, SMALL_CONFIGS
from iis_sam.frames import PaddedFrame, SquareFrame
from iis_sam.model import Policy, SAMModel
from published import SMALL
from torch import Tensor

from iis_core import Sample, UserError, evaluate, load_model
from iis_core.models.state import take_clicks
from iis_core.testing import parametrize_with_checks
from iis_core.types import SignedClick

FAMILIES = {config["model_type"]: f"sam/{name}" for name, config in reversed(CONFIGS.items())}


@parametrize_with_checks("iis-sam")
def test_the_package_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def load(model_type: str, **keywords: Any) -> Any:
    torch.manual_seed(0)
    return load_model(FAMILIES[model_type], weights="random", network=SMALL_CONFIGS[model_type], **keywords)


CLICKS = {
    0: [(10, 20, True)],
    1: [(5, 7, True), (40, 50, False)],
    2: [(1, 2, True), *[(9 * k, 8 * k, k != 2) for k in range(1, 5)]],
}
"""By element: one, two and five clicks."""


def history(element: int | None = None) -> tuple[Any, Any]:
    """Histories with 1, 2 and 5 clicks, of a batch or of one of its elements."""
    pcs, ncs = (
        [
            [[own[k][:2]] if k < len(own) and own[k][2] is sign else [] for own in CLICKS.values()]
            for k in range(max(map(len, CLICKS.values())))
        ]
        for sign in (True, False)
    )
    return (pcs, ncs) if element is None else (take_clicks(pcs, [element]), take_clicks(ncs, [element]))


@pytest.mark.parametrize("is_apart", [True, False])
@pytest.mark.parametrize("multimask", ["always", "never"])
@pytest.mark.parametrize("name", SMALL)
def test_a_batch_with_different_numbers_of_clicks_equals_single_images(
    name: str, multimask: str, is_apart: bool, load_published: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly on a CPU, where elements go apart; nearly where those with as many clicks go together."""
    monkeypatch.setattr(SAMModel, "_is_apart", is_apart)
    model = load_published(name, multimask=multimask)
    x = torch.rand(3, 3, 60, 80, generator=torch.Generator().manual_seed(0))
    z = model.initialize_z(x, x[:, :1])
    alone = [model.initialize_z(x[b : b + 1], x[b : b + 1, :1]) for b in range(3)]
    for k in range(1, 6):
        pcs, ncs = history()
        y, z = model(x, z, pcs[:k], ncs[:k])
        for b in range(3):
            own = [clicks[:k] for clicks in history(b)]
            single, alone[b] = model(x[b : b + 1], alone[b], *own)
            assert float((y[b : b + 1] - single).abs().max()) <= (0 if is_apart else 1e-4)


def test_elements_with_as_many_clicks_go_together(
    load_published: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SAMModel, "_is_apart", False)
    model, click = load_published("sam_tiny"), SignedClick(1, 2, True)
    logits = [None, torch.zeros(1), None, None]
    assert model._group({"logits": logits}, [[click], [click], [click], [click, click]]) == [[0, 2], [1], [3]]


@pytest.mark.parametrize("name", SMALL)
def test_policies_differ(name: str, load_published: Callable[..., Any]) -> None:
    """Each keyword changes the answer, and only where it should."""
    x = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(0))
    pcs, ncs = history(2)

    def answer(**keywords: Any) -> list[Tensor]:
        model = load_published(name, **keywords)
        z, answers = model.initialize_z(x, x[:, :1]), []
        for k in range(1, 4):
            y, z = model(x, z, pcs[:k], ncs[:k])
            answers.append(y)
        return answers

    always, first, never = (answer(multimask=multimask) for multimask in ("always", "first", "never"))
    alone = answer(multimask="never", previous_logits=False)
    assert torch.equal(always[0], first[0])
    assert not torch.equal(always[1], first[1])
    assert torch.equal(never[0], alone[0])
    assert not torch.equal(never[1], alone[1])


def test_fed_back_logits_are_clamped_and_the_mask_is_dynamic(load_published: Callable[..., Any]) -> None:
    x = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(0))
    pcs, ncs = history(1)
    kept = {}
    for clamp in (None, 32.0, 0.01):
        model = load_published("sam2_micro", clamp=clamp)
        _, z = model(x, model.initialize_z(x, x[:, :1]), pcs[:1], ncs[:1])
        kept[clamp] = z["logits"][0]
    assert torch.equal(kept[0.01], kept[None].clamp(-0.01, 0.01))
    assert float(kept[0.01].abs().max()) == pytest.approx(0.01)
    model = load_published("sam2_micro", dynamic_mask=False)
    assert model.network.mask_decoder.dynamic_multimask_via_stability is False


def test_hq_token_only_gives_another_mask(load_published: Callable[..., Any]) -> None:
    x = torch.rand(1, 3, 60, 80, generator=torch.Generator().manual_seed(0))
    pcs, ncs = history(0)
    answers = []
    for hq_token_only in (False, True):
        model = load_published("sam_hq_tiny", hq_token_only=hq_token_only)
        answers.append(model(x, model.initialize_z(x, x[:, :1]), pcs[:1], ncs[:1])[0])
    assert float((answers[0] - answers[1]).abs().max()) > 1e-3


def test_places_are_encoded_anew_where_the_weights_change() -> None:
    model = load("sam")
    before = model._position(2)
    assert model._position(2).data_ptr() == before.data_ptr()
    with torch.no_grad():
        model.network.shared_image_embedding.positional_embedding.mul_(0.5)
    assert torch.equal(model._position(1), model.network.get_image_wide_positional_embeddings())
    assert not torch.equal(model._position(1), before[:1])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("model_type", ["sam", "sam_hq", "sam2"])
def test_a_lower_precision_is_near(model_type: str, precision: str) -> None:
    x = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    pcs, ncs = [[[(5, 6)], [(20, 30)]]], [[[], []]]
    answers = []
    for each in ("fp32", precision):
        model = load(model_type, precision=each)
        z = model.initialize_z(x, x[:, :1])
        assert {value.dtype for value in z["features"].values()} == {torch.float32}
        y, _ = model(x, z, pcs, ncs)
        answers.append(y)
    assert 0 < float((answers[0] - answers[1]).abs().max()) < 0.05


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("sam/vit-b", {"multimask": "sometimes"}, "multimask"),
        ("sam/vit-b", {"precision": "int8"}, "precision"),
        ("sam/vit-b", {"preprocessing": "cv2"}, "preprocessing"),
        ("sam/2-hiera-tiny", {"preprocessing": "pil"}, "preprocessing"),
        ("sam/2-hiera-tiny", {"clamp": 0.0}, "clamp must be above 0"),
        ("sam/2-hiera-tiny", {"hq_token_only": True}, "no keyword 'hq_token_only'"),
        ("sam/vit-b", {"network": {"model_type": "bert"}}, "model_type 'bert': it is one of sam"),
        ("sam/vit-b", {"network": {"model_type": "sam", "vision_config": {"hidden_size": "x"}}}, "cannot build a sam"),
    ],
)
def test_a_wrong_keyword_is_told(name: str, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_model(name, weights="random", **keywords)


def test_the_policy_counts_clicks() -> None:
    assert [Policy(multimask="first").wants_several(n) for n in range(3)] == [True, True, False]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (7, 9), (180, 260), (1200, 700)])
def test_frames_hold_any_image(shape: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *shape)
    clicks = [SignedClick(0, 0, True), SignedClick(shape[0] - 1, shape[1] - 1, False)]
    for frame in (PaddedFrame(64, "pil"), PaddedFrame(64, "float"), SquareFrame(64, (0.5,) * 3, (0.5,) * 3)):
        assert frame.prepare(x).shape == (2, 3, 64, 64)
        points = frame.place(clicks, shape)
        assert points.shape == (2, 2)
        assert points[0].tolist() == [0, 0]
        assert bool((points < 64).all())
        assert frame.enlarge(torch.rand(2, 1, 16, 16), shape).shape == (2, 1, *shape)


class ThreeSquares:
    """One image with three objects."""

    name = "squares"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        masks = np.zeros((60, 80, 1), np.int32)
        for value in (1, 2, 3):
            masks[10 * value : 10 * value + 8, 20 * value : 20 * value + 15] = value
        info = {"id": "one", "path": "one", "objects": {value: {"layer": 0, "value": value} for value in (1, 2, 3)}}
        return Sample(np.zeros((60, 80, 3), np.uint8), masks, info)


@pytest.mark.parametrize("model_type", ["sam", "sam_hq", "sam2"])
def test_objects_of_one_image_share_its_encoding(
    model_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(model_type)
    encoded = []
    whole = model.encode
    monkeypatch.setattr(model, "encode", lambda x: encoded.append(len(x)) or whole(x))
    run = evaluate(
        model, ThreeSquares(), out=tmp_path / "run", protocol="sam", overrides={"max_clicks": 2}, identity={"one": 1}
    )
    assert encoded == [1]
    assert [record.encoding > 0 for record in run.records] == [True, False, False]
