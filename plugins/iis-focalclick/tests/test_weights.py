"""Published checkpoints are read, others are explained, and what is offered keeps the contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fill_weights import fill_weights
from focal_references import MODELS, NAMES
from iis_focalclick import build_network
from iis_focalclick.configs import CONFIGS

from iis_core import Sample, UserError, evaluate, list_models, load_model, predict
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ModelSpec
from iis_core.testing import check, parametrize_with_checks

SMALL = "focalclick/segformer-b0-s1"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file of the published form, for `segformer-b0-s2`."""
    config = MODELS["_checkpoint_format"]["example_configs"]["segformerB0_S2_cclvs"]
    torch.save({"state_dict": filled(), "config": config}, tmp_path / "last_checkpoint.pth")
    return tmp_path / "last_checkpoint.pth"


def filled() -> dict[str, torch.Tensor]:
    return fill_weights(build_network("segformer-b0-s2").state_dict())


def test_a_published_checkpoint_is_read(checkpoint: Path) -> None:
    model, state = load_model("focalclick/segformer-b0-s2", weights=str(checkpoint)), filled()
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
    assert not model.network.is_small


def test_which_size_a_checkpoint_is_for_stands_in_its_config_alone(checkpoint: Path, tmp_path: Path) -> None:
    wrong = r"is not a focalclick/segformer-b0-s1 \(pipeline_version s2 instead of s1\): load it as focalclick/seg.*-s2"
    with pytest.raises(UserError, match=wrong):
        load_model("focalclick/segformer-b0-s1", weights=str(checkpoint))
    torch.save(filled(), tmp_path / "bare.pth")
    assert load_model("focalclick/segformer-b0-s1", weights=str(tmp_path / "bare.pth")).network.is_small
    with pytest.raises(UserError, match=r"is not a focalclick/hrnet18s-s2 \(.*class SegFormerNetwork instead of HRNet"):
        load_model("focalclick/hrnet18s-s2", weights=str(checkpoint))
    with pytest.raises(UserError, match=r"bare\.pth does not fit the network; parameters"):
        load_model("focalclick/segformer-b3-s2", weights=str(tmp_path / "bare.pth"))


def test_published_weights_are_had_in_a_browser() -> None:
    with pytest.raises(UserError, match="`iis weights focalclick/hrnet32-s2` says how to get them"):
        load_model("focalclick/hrnet32-s2")


def test_every_registered_model_is_complete() -> None:
    assert set(list_models("focalclick/*")) == {f"focalclick/{name}" for name in CONFIGS}
    files = [find(ModelSpec, name).spec.weights.file for name in list_models("focalclick/*")]
    assert len(set(files)) == len(CONFIGS)
    for name in CONFIGS:
        spec = find(ModelSpec, f"focalclick/{name}").spec
        (theirs_name,) = (theirs for theirs, ours in NAMES.items() if ours == name)
        published = MODELS["_published"]["noc_85/90"][f"{theirs_name} cclvs"]
        for ours, theirs in SETS.items():
            pair = spec.results[ours]["NoC@85"], spec.results[ours]["NoC@90"]
            assert pair == tuple(map(float, published[theirs].split("/")))


SETS = {
    "grabcut": "GrabCut",
    "berkeley": "Berkeley",
    "pascal-voc": "PascalVOC",
    "coco-mval": "COCO_MVal",
    "sbd": "SBD",
    "davis": "DAVIS",
    "davis585": "DAVIS585 from init",
    "davis585, no initial masks": "DAVIS585 from zero",
}

PACKAGE = [p for p in parametrize_with_checks("iis-focalclick").args[1] if "iis-focalclick-" in p.id]


@pytest.mark.parametrize("check", PACKAGE)
def test_the_package_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(SMALL)
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    torch.manual_seed(0)
    check()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) for name in sorted({*list_models("focalclick/*")} - {SMALL})],
)
def test_other_networks_keep_it(name: str) -> None:
    torch.manual_seed(0)
    assert [result for result in check(name) if result.status == "failed"] == []


class OneSquare:
    """One image, with a mask to correct where there is one."""

    def __init__(self, given: bool) -> None:
        self.given = given

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        masks = np.zeros((60, 80, 1), np.int32)
        masks[20:40, 20:40] = 1
        info: dict[str, Any] = {"id": "one", "path": "one", "objects": {1: {"layer": 0, "value": 1}}}
        if self.given:
            info["initial_mask"] = np.roll(masks[:, :, 0] == 1, 5, axis=1)
        return Sample(np.full((60, 80, 3), 90, np.uint8), masks, info)


@pytest.mark.parametrize("given", [False, True])
def test_it_is_evaluated_with_and_without_given_masks(given: bool) -> None:
    rules = {"max_clicks": 3, "stop_iou": None}
    keywords = {"weights": "random"}
    run = evaluate(SMALL, OneSquare(given), protocol="focalclick", model_keywords=keywords, overrides=rules)
    (record,) = run.records
    assert run.protocol.threshold == 0.5
    assert record.initial.tp == (15 * 20 if given else 0)
    assert len(record.clicks) == 3


def test_a_mask_is_corrected_by_predict() -> None:
    sample, mask = OneSquare(True)[0], np.zeros((60, 80), bool)
    mask[20:40, 25:45] = True
    model = load_model(SMALL, weights="random")
    found = predict(model, sample.image, [(30, 42, False)], initial_mask=mask) > 0.5
    assert not (found & ~mask).any()
