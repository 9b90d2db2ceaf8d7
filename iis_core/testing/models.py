"""Checks of models."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from iis_core.loop import answer, initialize
from iis_core.models import IISModel
from iis_core.models.state import take, take_clicks
from iis_core.plugins.specs import ModelSpec
from iis_core.testing.inputs import click_history, images, targets
from iis_core.testing.results import CheckResult, Checks, Skip, equal, pending, require, run_all
from iis_core.types import Click, Clicks, State

model_checks = Checks()


def check_model(model: IISModel, spec: ModelSpec) -> list[CheckResult]:
    """Check a model against the contract and against what its spec declares."""
    return run_all(pending(model_checks, model, spec, expected_failures=spec.expected_failures))


@model_checks
def check_follows_the_protocol(model: IISModel, spec: ModelSpec) -> None:
    require(isinstance(model, IISModel), "it lacks one of device, initialize_z, initialize_y, __call__")
    require(isinstance(torch.device(model.device), torch.device), "device is not a torch device")


@model_checks
def check_answers_any_size(model: IISModel, spec: ModelSpec) -> None:
    """Answers have the right shape, dtype and range, also where height and width are odd or small."""
    for height, width in {_fit_size(spec, 61, 83), _fit_size(spec, 40, 96), _fit_size(spec, 9, 7)}:
        _answer_history(model, images(1, height, width))


@model_checks
def check_answers_one_pixel(model: IISModel, spec: ModelSpec) -> None:
    """It answers on an image of one pixel, or as small as the spec allows, clicked in its corner."""
    x = images(1, *_fit_size(spec, 1, 1)).to(model.device)
    z, _ = initialize(model, x, _make_blank(x))
    answer(model, x, z, [[[(0, 0)]]], [[[]]])


@model_checks
def check_answers_without_clicks(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    z, _ = initialize(model, x, _make_blank(x))
    answer(model, x, z, [[[]]], [[[]]])


@model_checks
def check_answers_negative_clicks_alone(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    z, _ = initialize(model, x, _make_blank(x))
    answer(model, x, z, [[[]]], [[[(3, 4)]]])


@model_checks
def check_answers_clicks_on_borders_and_corners(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    bottom, right = x.shape[-2] - 1, x.shape[-1] - 1
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    borders = [(0, right // 2), (bottom, right // 2), (bottom // 2, 0), (bottom // 2, right)]
    _replay(model, x, [*corners, *borders])


@model_checks
def check_answers_a_pixel_clicked_twice(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    _replay(model, x, [(7, 9), (3, 4), (7, 9)])


@model_checks
def check_does_not_mutate_its_inputs(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    z, _ = initialize(model, x, _make_blank(x))
    pcs, ncs = click_history(1, *x.shape[-2:])
    for k in range(1, len(pcs) + 1):
        given = x, z, pcs[:k], ncs[:k]
        before = copy.deepcopy(given)
        _, z = answer(model, *given)
        for name, old, new in zip(("x", "z", "pcs", "ncs"), before, given, strict=True):
            require(equal(old, new), f"__call__ changed its argument {name}")


@model_checks
def check_is_deterministic(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64))
    for first, second in zip(_answer_history(model, x), _answer_history(model, x), strict=True):
        require(torch.equal(first, second), "two runs on the same input differ")


@model_checks
def check_replays_a_history(model: IISModel, spec: ModelSpec) -> None:
    """Nothing but z is remembered: another image in between changes nothing."""
    x = images(1, *_fit_size(spec, 48, 64))
    first = _answer_history(model, x)
    _answer_history(model, images(1, *_fit_size(spec, 48, 64), seed=7))
    for old, new in zip(first, _answer_history(model, x), strict=True):
        require(torch.equal(old, new), "after another image the same history gives another answer")


@model_checks
def check_keeps_its_state_in_z(model: IISModel, spec: ModelSpec) -> None:
    """Two images answered alternately get the answers that each gets alone."""
    inputs = [images(1, *_fit_size(spec, 48, 64), seed=seed).to(model.device) for seed in (0, 7)]
    alone = [_answer_history(model, x) for x in inputs]
    pcs, ncs = click_history(1, *inputs[0].shape[-2:])
    states = [initialize(model, x, _make_blank(x))[0] for x in inputs]
    for k in range(1, len(pcs) + 1):
        for i, x in enumerate(inputs):
            y, states[i] = answer(model, x, states[i], pcs[:k], ncs[:k])
            require(torch.equal(y.cpu(), alone[i][k - 1]), "answered by turns with another image it answers otherwise")


@model_checks
def check_keeps_its_answers_apart(model: IISModel, spec: ModelSpec) -> None:
    """A later call changes no earlier answer."""
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    pcs, ncs = click_history(1, *x.shape[-2:])
    z, y = initialize(model, x, _make_blank(x))
    kept = [(y, y.clone())]
    for k in range(1, len(pcs) + 1):
        y, z = answer(model, x, z, pcs[:k], ncs[:k])
        kept.append((y, y.clone()))
    require(all(torch.equal(*pair) for pair in kept), "a later call changes an earlier answer: return a new tensor")


@model_checks
def check_encodes_without_changing_its_answers(model: IISModel, spec: ModelSpec) -> None:
    """`encode(x)`, where there is one, gives features that `initialize_z(..., features=)` takes."""
    encode = getattr(model, "encode", None)
    if encode is None:
        raise Skip("it has no `encode`")
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    with torch.no_grad():
        features = encode(x)
    require(isinstance(features, dict), f"encode returns a {type(features).__name__}, not a dict")
    pcs, ncs = click_history(1, *x.shape[-2:])
    answers = []
    for known in (None, take(features, [0])):
        z, _ = initialize(model, x, _make_blank(x), features=known)
        answers.append(answer(model, x, z, pcs[:1], ncs[:1])[0])
    _require_close(answers[0], answers[1], spec, "with the features of `encode` it answers otherwise")


@model_checks
def check_is_blind_to_the_target(model: IISModel, spec: ModelSpec) -> None:
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    pcs, ncs = click_history(1, *x.shape[-2:])
    seen = []
    for target in (targets(1, *x.shape[-2:]), _make_blank(x)):
        z, y = model.initialize_z(x, target), model.initialize_y(x, target)
        seen.append((y, answer(model, x, z, pcs[:1], ncs[:1])[0]))
    require(equal(*seen), "another target of the same shape changes the answer: the target leaks into the model")


@model_checks
def check_state_can_be_taken_apart(model: IISModel, spec: ModelSpec) -> None:
    """After `take` repeats an element of z, both copies get the same answers."""
    if not spec.batches:
        raise Skip("the spec declares batches=False")
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    pcs, ncs = click_history(1, *x.shape[-2:])
    z, _ = initialize(model, x, _make_blank(x))
    _, z = answer(model, x, z, pcs[:1], ncs[:1])
    y, _ = answer(model, x[[0, 0]], take(z, [0, 0]), take_clicks(pcs[:2], [0, 0]), take_clicks(ncs[:2], [0, 0]))
    _require_close(y[:1], y[1:], spec, "two copies of one element get different answers")


@model_checks
def check_batch_agrees_with_single_images(model: IISModel, spec: ModelSpec) -> None:
    if not spec.batches:
        raise Skip("the spec declares batches=False")
    x = images(3, *_fit_size(spec, 48, 64))
    together = _answer_history(model, x)
    for i in range(len(x)):
        for whole, alone in zip(together, _answer_history(model, x[i : i + 1]), strict=True):
            _require_close(whole[i : i + 1], alone, spec, f"element {i} of a batch differs from the image alone")


@model_checks
def check_starts_from_an_initial_mask(model: IISModel, spec: ModelSpec) -> None:
    if not spec.initial_mask:
        raise Skip("the spec declares initial_mask=False")
    x = images(1, *_fit_size(spec, 48, 64)).to(model.device)
    mask = (targets(1, *x.shape[-2:]) == 1).to(x)
    z, y = initialize(model, x, _make_blank(x), mask)
    require(torch.equal(y.cpu(), mask.cpu()), "initialize_y does not return the initial mask")
    answer(model, x, z, [[[]]], [[[(0, 0)]]])


def _answer_history(model: IISModel, image: Tensor) -> list[Tensor]:
    """Return the answers to the standard click history."""
    x = image.to(model.device)
    z, _ = initialize(model, x, _make_blank(x))
    pcs, ncs = click_history(len(x), *x.shape[-2:])
    answers = []
    for k in range(1, len(pcs) + 1):
        y, z = _step(model, x, z, pcs[:k], ncs[:k])
        answers.append(y.cpu())
    return answers


def _replay(model: IISModel, x: Tensor, places: Sequence[Click]) -> None:
    """Click at each place, alternately positive and negative."""
    z, _ = initialize(model, x, _make_blank(x))
    pcs: Clicks = [[[place] if k % 2 == 0 else []] for k, place in enumerate(places)]
    ncs: Clicks = [[[place] if k % 2 == 1 else []] for k, place in enumerate(places)]
    for k in range(1, len(places) + 1):
        _, z = answer(model, x, z, pcs[:k], ncs[:k])


def _step(model: IISModel, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
    y, z = answer(model, x, z, pcs, ncs)
    return y.clone(), z


def _fit_size(spec: ModelSpec, height: int, width: int) -> tuple[int, int]:
    """Return the nearest size that the spec allows."""
    step = spec.size_multiple
    rows, columns = (max(spec.min_size, round(side / step) * step, step) for side in (height, width))
    return -(-rows // step) * step, -(-columns // step) * step


def _make_blank(x: Tensor) -> Tensor:
    return torch.zeros((len(x), 1, *x.shape[-2:]), dtype=torch.int8)


def _require_close(first: Tensor, second: Tensor, spec: ModelSpec, reason: str) -> None:
    if spec.exact_batches:
        require(torch.equal(first, second), f"{reason}, though the spec declares exact_batches")
    else:
        difference = float((first - second).abs().max())
        require(difference <= 1e-4, f"{reason} by up to {difference:.2g}")
