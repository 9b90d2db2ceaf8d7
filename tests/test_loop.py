"""The interaction loop: what it passes on, what it checks, when it ends."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from iis_core import (
    ContractError,
    IISModel,
    PluginError,
    UserError,
    answer,
    full_inference,
    interact,
    load_model,
    load_robot,
    take,
)
from iis_core.models.state import put
from iis_core.testing.inputs import images, targets


class Echo(IISModel):
    """Answers with whatever it is told to, and remembers what it saw."""

    def __init__(self, y: Any = None, z: Any = None) -> None:
        self.device = torch.device("cpu")
        self.y, self.z = y, z
        self.seen: list[Any] = []

    def initialize_z(self, image, target, initial_mask=None):
        self.seen.append(target)
        return {"names": [f"element {i}" for i in range(len(image))]}

    def __call__(self, x, z, pcs, ncs):
        assert not torch.is_grad_enabled()
        self.seen.append((len(x), z, pcs, ncs))
        return (x[:, :1] * 0 if self.y is None else self.y), (dict(z) if self.z is None else self.z)


def run(model: IISModel, count: int = 1, interactions: int = 4, **keywords: Any) -> list[Any]:
    image, target = images(count, 30, 40), targets(count, 30, 40)
    return list(interact(model, load_robot("ritm"), image, target, interactions=interactions, **keywords))


def test_the_model_never_sees_the_target() -> None:
    model = Echo()
    run(model)
    assert not model.seen[0].any()


def test_both_histories_grow_by_one_interaction_a_step() -> None:
    for step in run(Echo(), count=2):
        assert len(step.pcs) == len(step.ncs) == step.number
        assert all(len(new) == 2 for new in (*step.pcs, *step.ncs))
        assert (step.pcs[-1], step.ncs[-1]) == (step.new_pcs, step.new_ncs)


def test_a_finished_element_leaves_with_all_that_belongs_to_it() -> None:
    model = Echo()
    image, target = images(3, 30, 40), targets(3, 30, 40)
    steps = []
    interaction = interact(model, load_robot("ritm"), image, target, interactions=3)
    for step in interaction:
        steps.append(step)
        interaction.finish(1)
    assert [step.elements for step in steps] == [(0, 1, 2), (0, 2), (0, 2)]
    assert model.seen[-1][1]["names"] == ["element 0", "element 2"]
    assert len(model.seen[-1][2][0]) == 2


def test_the_loop_ends_where_no_error_is_left() -> None:
    perfect = (targets(2, 30, 40) == 1).float()
    assert len(run(Echo(y=perfect), count=2, interactions=9)) == 1
    assert run(Echo(), count=2, initial_mask=perfect) == []


def test_an_initial_mask_is_the_first_prediction() -> None:
    mask = torch.rand(1, 1, 30, 40)
    assert torch.equal(run(Echo(), initial_mask=mask)[0].previous, mask)


def test_features_are_passed_only_where_given() -> None:
    class Encoded(Echo):
        def initialize_z(self, image, target, initial_mask=None, features=None):
            self.features = features
            return {}

    model = Encoded()
    run(model, features={"f": torch.zeros(1)})
    assert model.features.keys() == {"f"}


def test_the_first_prediction_is_known_before_any_click() -> None:
    mask = torch.rand(2, 1, 30, 40)
    interaction = interact(Echo(), load_robot("ritm"), images(2, 30, 40), targets(2, 30, 40), initial_mask=mask)
    assert torch.equal(interaction.first_y, mask)


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        (Echo(y=torch.zeros(1, 1, 30, 41)), r"must have shape \(1, 1, 30, 40\), not \(1, 1, 30, 41\)"),
        (Echo(y=torch.zeros(1, 1, 30, 40, dtype=torch.float64)), "must be a float32 tensor"),
        (Echo(y=[1]), "must be a float32 tensor, not list"),
        (Echo(y=torch.full((1, 1, 30, 40), 1.5)), r"must be probabilities in \[0, 1\]"),
        (Echo(y=torch.full((1, 1, 30, 40), float("nan"))), r"must be probabilities in \[0, 1\]"),
        (Echo(z=[1]), "z must be a dict"),
    ],
)
def test_a_model_that_breaks_the_contract_is_named_with_the_rule(model: IISModel, rule: str) -> None:
    with pytest.raises(ContractError, match=f"model Echo.*{rule}"):
        run(model)


@pytest.mark.parametrize(
    ("clicks", "rule"),
    [
        (([[(30, 0)]], [[]]), r"clicked \(30, 0\), outside an image of 30 x 40"),
        (([[(0, -1)]], [[]]), "outside"),
        (([[], []], [[]]), "2 positive and 1 negative lists of clicks for a batch of 1"),
        (([[(torch.tensor(0), 0)]], [[]]), r"must click Python ints \(row, col\), not \(Tensor, int\)"),
        (([[(0, 0)]], [[(1, 1)]]), "gave 2 clicks where 1 were asked for"),
    ],
)
def test_a_robot_that_breaks_the_contract_is_named_with_the_rule(clicks: Any, rule: str) -> None:
    def wild(y, target, pcs, ncs, *, n_points=1, rngs=None):
        return clicks

    with pytest.raises(ContractError, match=rule):
        list(interact(Echo(), wild, images(1, 30, 40), targets(1, 30, 40)))


@pytest.mark.parametrize(
    ("image", "target", "message"),
    [
        (
            torch.zeros(1, 3, 4, 5, dtype=torch.uint8),
            torch.zeros((1, 1, 4, 5), dtype=torch.int8),
            "image must be torch.float32",
        ),
        (torch.zeros(3, 4, 5), torch.zeros((1, 1, 4, 5), dtype=torch.int8), r"\(B, 3, H, W\)"),
        (torch.zeros(1, 3, 4, 5), torch.zeros(1, 1, 4, 5), "target must be torch.int8"),
        (torch.zeros(1, 3, 4, 5), torch.zeros((1, 1, 4, 6), dtype=torch.int8), r"\(1, 1, 4, 5\)"),
    ],
)
def test_inputs_of_the_wrong_form_are_the_users_mistake(image: Any, target: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        list(interact(Echo(), load_robot("ritm"), image, target))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": torch.full((1, 3, 4, 5), 255.0)}, r"image must lie in \[0, 1\], not between 255 and 255: divide"),
        ({"image": torch.full((1, 3, 4, 5), float("nan"))}, r"image must lie in \[0, 1\]"),
        ({"image": torch.zeros(0, 3, 4, 5)}, r"image must be torch.float32 \(B, 3, H, W\)"),
        ({"image": torch.zeros(1, 3, 4, 5).numpy()}, "image must be a torch tensor, not ndarray"),
        ({"target": torch.full((1, 1, 4, 5), 2, dtype=torch.int8)}, "target must hold 1"),
        ({"initial_mask": torch.full((1, 1, 4, 5), 255.0)}, r"initial_mask must lie in \[0, 1\]"),
        ({"initial_mask": torch.zeros(1, 1, 5, 5)}, r"initial_mask must be torch.float32 \(1, 1, 4, 5\)"),
        ({"rngs": []}, "0 rngs for a batch of 1"),
    ],
)
def test_inputs_out_of_range_are_the_users_mistake(change: dict[str, Any], message: str) -> None:
    image, target = torch.zeros(1, 3, 4, 5), torch.zeros((1, 1, 4, 5), dtype=torch.int8)
    given = {"image": image, "target": target, **change}
    with pytest.raises(UserError, match=message):
        list(interact(Echo(), load_robot("ritm"), **given))


def test_what_fails_inside_a_plugin_is_named() -> None:
    class Failing(Echo):
        def __call__(self, x, z, pcs, ncs):
            raise KeyError("weights")

    class OnlyY(Echo):
        def __call__(self, x, z, pcs, ncs):
            return x[:, :1]

    def failing(y, target, pcs, ncs, *, n_points=1, rngs=None):
        raise ZeroDivisionError

    with pytest.raises(PluginError, match="model Failing: __call__ failed: KeyError: 'weights'"):
        run(Failing())
    with pytest.raises(PluginError, match="model OnlyY: __call__ failed: ValueError"):
        run(OnlyY())
    with pytest.raises(PluginError, match="robot function failed: ZeroDivisionError"):
        list(interact(Echo(), failing, images(1, 30, 40), targets(1, 30, 40)))


def test_take_selects_and_repeats_tensors_lists_and_dicts() -> None:
    z = {"a": torch.arange(6).reshape(3, 2), "b": ["x", "y", "z"], "c": {"d": torch.tensor([1, 2, 3])}}
    taken = take(z, [2, 0, 2])
    assert taken["a"].tolist() == [[4, 5], [0, 1], [4, 5]]
    assert taken["b"] == ["z", "x", "z"]
    assert taken["c"]["d"].tolist() == [3, 1, 3]


def test_take_refuses_what_has_no_batch() -> None:
    with pytest.raises(ContractError, match=r"z\['n'\] is a int"):
        take({"n": 3}, [0])


def test_full_inference_returns_every_elements_last_prediction() -> None:
    image, target = images(3, 30, 40), targets(3, 30, 40)
    model, robot = load_model("toy/disks"), load_robot("ritm")
    together = full_inference(model, robot, image, target, interactions=5)
    for i in range(3):
        *_, last = interact(model, robot, image[[i]], target[[i]], interactions=5)
        assert torch.equal(together[[i]], last.y)


def test_full_inference_keeps_a_first_prediction_without_error() -> None:
    target = targets(2, 30, 40)
    mask = (target == 1).float()
    assert torch.equal(full_inference(Echo(), load_robot("ritm"), images(2, 30, 40), target, initial_mask=mask), mask)


def test_answer_is_one_checked_call_of_the_model() -> None:
    y, z = answer(Echo(), images(2, 8, 9), {"k": [1, 2]}, [[[], []]], [[[], []]])
    assert y.shape == (2, 1, 8, 9)
    assert z == {"k": [1, 2]}


def test_elements_of_a_state_are_replaced() -> None:
    old = {"a": torch.arange(3), "b": {"c": ["x", "y", "z"]}}
    new = {"a": torch.tensor([7, 8]), "b": {"c": ["p", "q"]}}
    assert take(put(old, [2, 0], new), [2, 0])["a"].tolist() == [7, 8]
    assert put(old, [2, 0], new)["b"]["c"] == ["q", "y", "p"]
    assert put(old, [], {"a": torch.arange(0), "b": {"c": []}}) == old
    assert old["a"].tolist() == [0, 1, 2]
