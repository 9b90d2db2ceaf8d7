"""What a model is: image, state and clicks in, probabilities and state out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from iis_core.errors import ContractError, name_of
from iis_core.plugins.offers import show_loaded
from iis_core.types import Clicks, State


@runtime_checkable
class IISModel(Protocol):
    """An interactive segmentation model. Subclass it to inherit the default initialisers.

    Inputs are never mutated and z is returned anew; replaying a click history from `initialize_z` gives the same y.
    """

    device: torch.device
    """Where x is expected."""

    def __init__(self) -> None:
        # A protocol's subclass without one would seem to take any keyword.
        pass

    def __repr__(self) -> str:
        return show_loaded(self)

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """The state before the first click.

        Args:
            image: x, float32 (B, 3, H, W) in [0, 1] on `device`.
            target: int8 (B, 1, H, W), blank: it gives the shape only.
            initial_mask: float32 (B, 1, H, W) in [0, 1], a mask to start from.

        Returns:
            z, a dict of tensors with leading B, lists of length B, or dicts of these.
        """
        return {}

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """The prediction before the first click: the initial mask, or zeros. Arguments as for `initialize_z`.

        Returns:
            y, float32 (B, 1, H, W).
        """
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image)

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks.

        Args:
            x: float32 (B, 3, H, W) in [0, 1] on `device`.
            z: the state that the previous call or `initialize_z` returned.
            pcs: positive clicks, `[interaction][batch element][click]`, (row, col) in image pixels, with one entry per
                interaction, each of exactly B lists.
            ncs: negative clicks, in the same form.

        Returns:
            y, float32 (B, 1, H, W) probabilities in [0, 1], and the new z.
        """
        ...


@runtime_checkable
class EncodingModel(IISModel, Protocol):
    """A model that encodes an image once for all of its objects and clicks.

    Its `initialize_z` takes `features`, by keyword: what `encode` returned for these images, or None.
    """

    def encode(self, x: Tensor) -> State:
        """The features of images, in the form of z. x: float32 (B, 3, H, W) in [0, 1] on `device`."""
        ...


@runtime_checkable
class TrainableModel(IISModel, Protocol):
    """A model that can be trained; also an `nn.Module`."""

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
        """The network's answer at input resolution, without test-time tricks.

        With gradients enabled, features are recomputed, never taken from a cache. Arguments as for `__call__`.

        Returns:
            `{"y": logits (B, 1, H, W), ...auxiliary outputs}`, and the new z.
        """
        ...


@runtime_checkable
class LayerwiseModel(TrainableModel, Protocol):
    """A trainable model whose parameters want learning rates of their own."""

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """The factor of the learning rate of each parameter, by its name in the model's `named_parameters`."""
        ...


def check_answer(model: IISModel, method: str, x: Tensor, y: object, z: object) -> None:
    """Raise ContractError, naming the model and the rule, unless y and z are what a method has to return for x."""
    at_fault = f"model {name_of(model)}: y of {method}"
    expected = (len(x), 1, *x.shape[-2:])
    if not isinstance(y, Tensor) or y.dtype != torch.float32:
        raise ContractError(f"{at_fault} must be a float32 tensor, not {getattr(y, 'dtype', type(y).__name__)}")
    if y.requires_grad:
        raise ContractError(f"{at_fault} must be detached: it requires a gradient")
    if tuple(y.shape) != expected:
        raise ContractError(f"{at_fault} must have shape {expected}, not {tuple(y.shape)}")
    low, high = (float(bound) for bound in torch.aminmax(y))
    if not (low >= 0 and high <= 1):
        raise ContractError(f"{at_fault} must be probabilities in [0, 1], not between {low} and {high}")
    if not isinstance(z, dict):
        raise ContractError(f"model {name_of(model)}: z must be a dict, not {type(z).__name__}")
