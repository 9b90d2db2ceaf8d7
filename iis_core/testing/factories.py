"""Checks of what stands in a spec: the target, its keywords, and what it makes of them."""

from __future__ import annotations

import os
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

from iis_core.errors import IISError, PluginError, UserError
from iis_core.models import IISModel
from iis_core.plugins.discovery import Offer
from iis_core.plugins.load import build, load_model, parameters, with_data_root
from iis_core.plugins.specs import FactorySpec
from iis_core.testing.results import Skip, equal, require

_NOWHERE = "no/such/weights.pth"


@dataclass(frozen=True, eq=False)
class Recipe:
    """An offer and the keywords with which it is built for its checks."""

    offer: Offer
    keywords: Mapping[str, Any]

    @property
    def spec(self) -> FactorySpec:
        assert isinstance(self.offer.spec, FactorySpec)
        return self.offer.spec

    @property
    def needs_files(self) -> bool:
        """Whether it is a dataset whose files are somewhere that only the user knows."""
        try:
            root = parameters(self.offer).get("root")
        except PluginError:  # the checks of the factory say what is wrong
            return False
        if self.spec.kind != "datasets" or root is None or "root" in self.keywords:
            return False
        return root.default is root.empty

    @property
    def where_files_are(self) -> str:
        """How to check it."""
        return f"{self.spec.name} is checked on its files: iis check {self.spec.name} --set root=DIR"

    def make(self, **changed: Any) -> Any:
        """A new object, built with these keywords in place of the recipe's."""
        keywords = {**self.keywords, **changed}
        if self.spec.kind == "models":
            return load_model(self.spec.name, **keywords)
        return build(self.offer, keywords)


def recipe_of(offer: Offer, keywords: Mapping[str, Any]) -> Recipe:
    """With the spec's `check_keywords`, and a dataset's files where the user's settings say and they are there."""
    assert isinstance(offer.spec, FactorySpec)
    recipe = Recipe(offer, {**offer.spec.check_keywords, **keywords})
    if recipe.needs_files:
        completed = with_data_root(offer, recipe.keywords)
        if "root" in completed and Path(completed["root"]).is_dir():
            return Recipe(offer, completed)
    return recipe


@lru_cache(maxsize=1)  # checks come recipe by recipe, and a model is large
def built(recipe: Recipe) -> Any:
    """The object that all checks of a recipe share, or the exception that building it raised."""
    try:
        with _no_network() as attempts:
            made = recipe.make()
    except (Exception, SystemExit) as error:
        return error if isinstance(error, Exception) else PluginError(f"building it ends the process: {error}")
    return PluginError(f"it asks the network for {attempts[0]}") if attempts else made


def made_or_skip(recipe: Recipe) -> Any:
    """The object; raises Skip where it could not be built, of which `check_can_be_built` says why."""
    made = built(recipe)
    if isinstance(made, Exception):
        raise Skip("it could not be built")
    return made


def check_target_and_keywords(recipe: Recipe) -> None:
    """The target exists and has explicit keywords, among them those that the contract asks for."""
    known = parameters(recipe.offer)
    for keyword in {"models": ("device",), "robots": ("threshold", "inclusive")}.get(recipe.spec.kind, ()):
        require(keyword in known, f"target {recipe.spec.target!r} takes no keyword {keyword!r}")


def check_files(recipe: Recipe) -> None:
    raise Skip(recipe.where_files_are)


def check_can_be_built(recipe: Recipe) -> None:
    """With the spec's `check_keywords`, without a connection."""
    try:
        check_target_and_keywords(recipe)
    except (AssertionError, PluginError) as error:
        raise Skip("its target or its keywords are wrong") from error
    made = built(recipe)
    if isinstance(made, UserError):
        raise AssertionError(f"{made}; give the spec check_keywords with which it can be built offline")
    if isinstance(made, Exception):
        raise made


def check_is_on_its_device(recipe: Recipe) -> None:
    """On every device that there is, and on torch's meta device where it can be built there."""
    made_or_skip(recipe)
    devices = ["cpu", *(["cuda:0"] if torch.cuda.is_available() else [])]
    for device in devices:
        _require_device(recipe.make(device=device), device)
    try:
        there = recipe.make(device="meta")
    except Exception as error:
        if len(devices) > 1:
            return
        raise Skip(f"there is one device only, and it cannot be built on torch's meta device: {error}") from error
    _require_device(there, "meta")


def check_does_not_run_untrained(recipe: Recipe) -> None:
    """Weights that are not at hand are an error with the remedy."""
    made_or_skip(recipe)
    if "weights" not in parameters(recipe.offer):
        require(
            getattr(recipe.spec, "weights", None) is None, "its spec has weights, and it takes no keyword 'weights'"
        )
        require(_same_twice(recipe), "its weights are random: take a keyword weights, and see iis_core.weights")
        raise Skip("it takes no weights")
    with tempfile.TemporaryDirectory() as empty, mock.patch.dict(os.environ, IIS_WEIGHTS=empty), _no_network():
        error = _error(recipe, weights=None)
        if error is None:
            require(
                _same_twice(recipe, weights=None),
                "without weights it runs untrained: raise UserError, unless weights='random'",
            )
        else:
            require("weights" in str(error), f"the error names no remedy, such as weights=PATH: {error}")
        error = _error(recipe, weights=_NOWHERE)
        require(error is not None, f"weights={_NOWHERE!r}, which does not exist, are no error")
        require(_NOWHERE in str(error), f"the error does not name the missing file {_NOWHERE}: {error}")


FACTORY_CHECKS = (check_target_and_keywords, check_can_be_built)
MODEL_FACTORY_CHECKS = (*FACTORY_CHECKS, check_is_on_its_device, check_does_not_run_untrained)


def _require_device(model: IISModel, device: str) -> None:
    own = torch.device(model.device).type
    require(own == torch.device(device).type, f"built for {device!r} its device is {own!r}")
    for module in _modules(model):
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            require(tensor.device.type == own, f"built for {device!r} its {name} is on {tensor.device}")


def _modules(model: Any) -> list[nn.Module]:
    """The model, where it is a module, or those that it holds in its attributes."""
    return [thing for thing in (model, *getattr(model, "__dict__", {}).values()) if isinstance(thing, nn.Module)]


def _error(recipe: Recipe, **changed: Any) -> IISError | None:
    """The error of building it; raises AssertionError for one that is not for people."""
    try:
        recipe.make(**changed)
    except PluginError as error:
        raise AssertionError(f"{error}; raise iis_core.UserError, with the remedy") from error
    except UserError as error:
        return error
    return None


def _same_twice(recipe: Recipe, **changed: Any) -> bool:
    """Whether its tensors do not depend on torch's random numbers."""
    states = []
    for seed in (0, 1):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = recipe.make(**changed)
        states.append([module.state_dict() for module in _modules(model)])
    return equal(*states)


@contextmanager
def _no_network() -> Iterator[list[str]]:
    """Refuse connections; gives those that were asked for."""
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
