"""The models: the contract, batches, previous masks, training, precision, one encoding for all objects of an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_segnext.configs import SMALL_CONFIG
from segnext_references import TINY

from iis_core import Sample, UserError, evaluate, load_model
from iis_core.models import EncodingModel, LayerwiseModel
from iis_core.models.state import take, take_clicks
from iis_core.testing import parametrize_with_checks


@parametrize_with_checks("iis-segnext")
def test_the_package_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def load(**keywords: Any) -> Any:
    torch.manual_seed(0)
    return load_model("segnext/vit-b-sax1", weights="random", network=SMALL_CONFIG, **keywords)


CLICKS = {
    0: [],
    1: [(10, 20, True)],
    2: [(5, 7, True), (40, 50, False), (9, 8, True)],
}
"""By element: none, one and three clicks."""


def history() -> tuple[Any, Any]:
    pcs, ncs = (
        [[[own[k][:2]] if k < len(own) and own[k][2] is sign else [] for own in CLICKS.values()] for k in range(3)]
        for sign in (True, False)
    )
    return pcs, ncs


def images(count: int, height: int = 60, width: int = 80) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_a_batch_with_different_numbers_of_clicks_equals_single_images(load_published: Callable[..., Any]) -> None:
    model, x = load_published(TINY), images(3)
    z = model.initialize_z(x, x[:, :1])
    alone = [model.initialize_z(x[b : b + 1], x[b : b + 1, :1]) for b in range(3)]
    pcs, ncs = history()
    for k in range(1, 4):
        y, z = model(x, z, pcs[:k], ncs[:k])
        for b in range(3):
            own = take_clicks(pcs[:k], [b]), take_clicks(ncs[:k], [b])
            single, alone[b] = model(x[b : b + 1], alone[b], *own)
            assert float((y[b : b + 1] - single).abs().max()) <= 1e-5
            assert float((take(z, [b])["features"]["image"] - alone[b]["features"]["image"]).abs().max()) <= 1e-4


def test_the_initial_mask_is_the_previous_mask(load_published: Callable[..., Any]) -> None:
    model, x = load_published(TINY), images(1)
    clicks = [[[(10, 20)]]], [[[]]]
    y, _ = model(x, model.initialize_z(x, x[:, :1]), *clicks)
    again, _ = model(x, model.initialize_z(x, x[:, :1], y), *clicks)
    _, z = model(x, model.initialize_z(x, x[:, :1]), *clicks)
    repeated, _ = model(x, z, *clicks)
    assert torch.equal(again, repeated)
    assert not torch.equal(again, y)


@torch.no_grad()
def test_logits_and_answers_agree(load_published: Callable[..., Any]) -> None:
    model, x = load_published(TINY), images(2)
    z = told = model.initialize_z(x, x[:, :1])
    pcs, ncs = [[[(10, 20)], [(3, 4)]], [[], [(50, 60)]]], [[[], []], [[(1, 1)], []]]
    for k in range(1, 3):
        y, z = model(x, z, pcs[:k], ncs[:k])
        outputs, told = model.logits(x, told, pcs[:k], ncs[:k])
        assert torch.equal(outputs["y"].sigmoid(), y)
    network = model.network(torch.cat((x, z["prediction"]), dim=1), torch.tensor([[[10.0, 20, 0], [1, 1, 1]]] * 2))
    assert network["instances"].shape == (2, 1, 60, 80)


def test_gradients_reach_the_encoder_whatever_is_known() -> None:
    model, x = load(), images(2)
    z = model.initialize_z(x, x[:, :1], features={"image": torch.full_like(model.encode(x)["image"], torch.nan)})
    outputs, after = model.logits(x, z, [[[(10, 20)], []]], [[[], [(3, 4)]]])
    outputs["y"].mean().backward()
    without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert without == ["network.backbone.fc_norm.weight", "network.backbone.fc_norm.bias"]
    assert model.origin.frozen == ("backbone.fc_norm.weight", "backbone.fc_norm.bias")
    assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)
    assert not after["prediction"].requires_grad
    features = model.encode(x)
    assert not features["image"].requires_grad
    assert features["image"].dtype == torch.float32


def test_it_is_a_model_of_each_kind() -> None:
    model = load(layer_decay=0.5)
    assert isinstance(model, EncodingModel)
    assert isinstance(model, LayerwiseModel)
    factors = model.learning_rate_multipliers()
    assert factors.keys() == dict(model.named_parameters()).keys()
    assert factors["network.backbone.pos_embed"] == 0.5**5
    assert factors["network.backbone.blocks.3.norm1.weight"] == 0.5
    assert factors["network.visual_prompts_encoder.proj.weight"] == factors["network.head.seg_conv.bias"] == 1
    assert set(load().learning_rate_multipliers().values()) == {1.0}


def test_a_lower_precision_is_near() -> None:
    x, answers = images(2), []
    for precision in ("fp32", "bf16"):
        model = load(precision=precision)
        assert model.encode(x)["image"].dtype == torch.float32
        z = model.initialize_z(x, x[:, :1])
        y, z = model(x, z, [[[(5, 6)], [(20, 30)]]], [[[], []]])
        answers.append(y)
    assert 0 < float((answers[0] - answers[1]).abs().max()) < 0.05


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"precision": "fp16"}, "precision must be fp32 or bf16, not 'fp16'"),
        ({"layer_decay": 0.0}, "layer_decay must be above 0 and at most 1"),
        ({"size": 512}, "no keyword 'size'"),
    ],
)
def test_a_wrong_keyword_is_told(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(**keywords)


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


def test_objects_of_one_image_share_its_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, encoded = load(), []
    whole = model.encode
    monkeypatch.setattr(model, "encode", lambda x: encoded.append(len(x)) or whole(x))
    rules = {"max_clicks": 2}
    run = evaluate(
        model, ThreeSquares(), out=tmp_path / "run", protocol="segnext", overrides=rules, identity={"one": 1}
    )
    assert encoded == [1]
    assert [record.encoding > 0 for record in run.records] == [True, False, False]
