"""Checks of what a spec says: the target, its keywords, and what it builds from them."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import nn

from iis_core.errors import PluginError, UserError
from iis_core.loop import initialize
from iis_core.models import IISModel, TrainableModel
from iis_core.models.state import take
from iis_core.models.weights import network_of, save_model
from iis_core.plugins.load import load_model, with_data_root
from iis_core.plugins.offers import ModelOrigin, Offer, origin_of
from iis_core.plugins.specs import DatasetSpec, FactorySpec, ModelSpec, RobotSpec
from iis_core.testing.inputs import click_history, images
from iis_core.testing.results import Checks, Skip, equal, require

factory_checks = Checks()
model_factory_checks = Checks()


@dataclass(frozen=True, eq=False)
class Recipe:
    """What is needed to build an object for its checks.

    Args:
        offer: the offer.
        keywords: keywords of the spec's target.
    """

    offer: Offer[FactorySpec]
    keywords: Mapping[str, Any]

    @property
    def spec(self) -> FactorySpec:
        return self.offer.spec

    @property
    def needs_files(self) -> bool:
        """Whether it is a dataset that needs files, and only the user knows where they are."""
        try:
            root = self.offer.parameters().get("root")
        except PluginError:  # the checks of the factory say what is wrong
            return False
        if not isinstance(self.spec, DatasetSpec) or root is None or "root" in self.keywords:
            return False
        return root.default is root.empty

    @property
    def where_files_are(self) -> str:
        """How to check such a dataset."""
        return f"{self.spec.name} is checked on its files: iis check {self.spec.name} --data-root DIR"

    def make(self, **changed: Any) -> Any:
        """Build a new object; the given keywords take precedence over the recipe's."""
        keywords = {**self.keywords, **changed}
        return (
            load_model(self.spec.name, **keywords) if isinstance(self.spec, ModelSpec) else self.offer.build(keywords)
        )


def write_recipe(offer: Offer[FactorySpec], keywords: Mapping[str, Any]) -> Recipe:
    """Make the recipe of an offer; for a dataset, with its files where the user's configuration has them.

    Args:
        offer: the offer.
        keywords: keywords that take precedence over the spec's `check_keywords`.
    """
    given = dict(offer.spec.check_keywords) if offer.folder is None else {"weights": str(offer.folder)}
    recipe = Recipe(offer, {**given, **keywords})
    if isinstance(offer.spec, DatasetSpec) and recipe.needs_files:
        completed = with_data_root(Offer(offer.spec, offer.claim), recipe.keywords)
        if "root" in completed and Path(completed["root"]).is_dir():
            return Recipe(offer, completed)
    return recipe


@lru_cache(maxsize=1)  # only one: checks come recipe by recipe, and a model is large
def build_once(recipe: Recipe) -> Any:
    """Build the object that all checks of a recipe share, or return the exception that building it raised."""
    try:
        with _refuse_network() as attempts:
            made = recipe.make()
    except (Exception, SystemExit) as error:
        return error if isinstance(error, Exception) else PluginError(f"building it ends the process: {error}")
    return PluginError(f"it asks the network for {attempts[0]}") if attempts else made


def require_built(recipe: Recipe) -> Any:
    """Return the object of a recipe, built once.

    Raises:
        Skip: building it failed; `check_can_be_built` says why.
    """
    made = build_once(recipe)
    if isinstance(made, Exception):
        raise Skip("it could not be built")
    return made


@factory_checks
def check_target_and_keywords(recipe: Recipe) -> None:
    """The target exists and has explicit keywords, as the contract demands."""
    spec, known = recipe.spec, recipe.offer.parameters()
    for keyword in ("threshold", "inclusive") if isinstance(spec, RobotSpec) else ():
        require(keyword in known, f"target {spec.target!r} takes no keyword {keyword!r}")
    if isinstance(spec, ModelSpec):
        for keyword in {"device", "weights"} & known.keys():
            require(False, f"target {spec.target!r} takes the keyword {keyword!r}, which is core's: leave it out")
        for keyword in spec.config.keys() - known.keys():
            require(False, f"target {spec.target!r} takes no keyword {keyword!r}, which its spec's config has")


def check_files(recipe: Recipe) -> None:
    raise Skip(recipe.where_files_are)


@factory_checks
def check_can_be_built(recipe: Recipe) -> None:
    """It can be built with the spec's `check_keywords`, without a network connection."""
    try:
        check_target_and_keywords(recipe)
    except (AssertionError, PluginError) as error:
        raise Skip("its target or its keywords are wrong") from error
    made = build_once(recipe)
    if isinstance(made, UserError):
        raise AssertionError(f"{made}; give the spec check_keywords with which it can be built offline")
    if isinstance(made, Exception):
        raise made


@model_factory_checks
def check_is_on_its_device(recipe: Recipe) -> None:
    """It is on the device asked for: every one there is, and torch's meta device where it can be moved there."""
    require_built(recipe)
    devices = ["cpu", *(["cuda:0"] if torch.cuda.is_available() else [])]
    for device in devices:
        _require_device(recipe.make(device=device), device)
    try:
        there = recipe.make(device="meta")
    except Exception as error:
        if len(devices) > 1:
            return
        raise Skip(f"there is one device only, and it cannot be moved to torch's meta device: {error}") from error
    _require_device(there, "meta")


@model_factory_checks
def check_has_the_weights_that_it_declares(recipe: Recipe) -> None:
    """It has parameters where its spec says has_weights, else none that are drawn at random."""
    network = network_of(require_built(recipe))
    assert isinstance(recipe.spec, ModelSpec)
    if recipe.spec.has_weights:
        holds = network is not None and next(network.parameters(), None) is not None
        require(holds, "its network has no parameters: say has_weights=False in its spec")
    else:
        require(
            _is_built_alike(recipe),
            "its parameters are drawn at random, yet its spec says has_weights=False: it would run untrained",
        )


@model_factory_checks
def check_model_folder_holds_everything(recipe: Recipe) -> None:
    """A model that is loaded from its own model folder has the same weights and config."""
    model = require_built(recipe)
    assert isinstance(recipe.spec, ModelSpec)
    if not recipe.spec.has_weights:
        raise Skip("it has no weights")
    with tempfile.TemporaryDirectory() as folder:
        save_model(folder, model)
        again = load_model(recipe.spec.name, weights=folder)
    configs = [origin.config for origin in map(origin_of, (model, again)) if isinstance(origin, ModelOrigin)]
    require(equal(*configs), "loaded from its model folder it has another config")
    states = [network.state_dict() for network in map(network_of, (model, again)) if network is not None]
    require(equal(*states), "loaded from its model folder it has other weights")


@model_factory_checks
def check_answers_as_its_logits(recipe: Recipe) -> None:
    """With every test-time trick off (`plain_keywords`), `__call__` is the sigmoid of `logits`."""
    if not isinstance(require_built(recipe), TrainableModel):
        raise Skip("it has no `logits`")
    assert isinstance(recipe.spec, ModelSpec)
    model = recipe.make(**recipe.spec.plain_keywords)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        _draw_statistics(model)
    side = max(recipe.spec.min_size, recipe.spec.size_multiple)
    x = images(2 if recipe.spec.batches else 1, -(-48 // side) * side, -(-64 // side) * side).to(model.device)
    z, _ = initialize(model, x, torch.zeros((len(x), 1, *x.shape[-2:]), dtype=torch.int8))
    pcs, ncs = click_history(len(x), *x.shape[-2:])
    for k in range(1, len(pcs) + 1):
        with torch.no_grad():
            outputs, _ = model.logits(x, take(z, range(len(x))), pcs[:k], ncs[:k])
            y, z = model(x, z, pcs[:k], ncs[:k])
        difference = float((y - outputs["y"].float().sigmoid()).abs().max())
        require(difference <= 1e-4, f"it answers otherwise than the sigmoid of its logits, by up to {difference:.2g}")


def _draw_statistics(model: nn.Module) -> None:
    """Draw batch-norm statistics that a trained network might have: untrained ones hide a wrong folding."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)


def _require_device(model: IISModel, device: str) -> None:
    own = torch.device(model.device).type
    require(own == torch.device(device).type, f"built for {device!r} its device is {own!r}")
    for module in _list_modules(model):
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            require(tensor.device.type == own, f"built for {device!r} its {name} is on {tensor.device}")


def _list_modules(model: Any) -> list[nn.Module]:
    """List the modules of a model: the model itself where it is one, and those in its attributes."""
    return [thing for thing in (model, *getattr(model, "__dict__", {}).values()) if isinstance(thing, nn.Module)]


def _is_built_alike(recipe: Recipe) -> bool:
    """Return whether its tensors are independent of torch's random numbers."""
    states = []
    for seed in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = recipe.make()
        states.append([module.state_dict() for module in _list_modules(model)])
    return equal(*states)


@contextmanager
def _refuse_network() -> Iterator[list[str]]:
    """Refuse network connections, and collect the addresses that were asked for."""
    attempts: list[str] = []

    def refuse(*arguments: Any, **keywords: Any) -> Any:
        attempts.append(str(next((a for a in arguments if not isinstance(a, socket.socket)), "")))
        raise OSError("no connection while conformance is checked")

    with (
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket.socket, "connect_ex", refuse),
        mock.patch.object(socket, "getaddrinfo", refuse),
    ):
        yield attempts
