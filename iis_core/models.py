"""What a model is: image, state and clicks in, probabilities and state out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from iis_core.types import Clicks, State


@runtime_checkable
class IISModel(Protocol):
    """An interactive segmentation model. Subclass it to inherit the default initialisers.

    Inputs are never mutated and z is returned anew; replaying a click history from `initialize_z` gives
    the same y. A model may offer `encode(x) -> features` (a dict that follows the rule of z), which the
    evaluation then calls once per image and passes as `initialize_z(..., features=)`.
    """

    device: torch.device
    """Where x is expected."""

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """State before the first click.

        image: x, float32 (B, 3, H, W) in [0, 1] on `device`.
        target: int8 (B, 1, H, W), blank: it gives the shape only.
        initial_mask: float32 (B, 1, H, W) in [0, 1], a mask to start from.
        """
        return {}

    def initialize_y(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> Tensor:
        """Prediction before the first click, float32 (B, 1, H, W): the initial mask, or zeros."""
        return image.new_zeros(image[:, :1].shape) if initial_mask is None else initial_mask.to(image)

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks.

        x: float32 (B, 3, H, W) in [0, 1] on `device`.
        z: the state returned by the previous call, or by `initialize_z`.
        pcs, ncs: positive and negative clicks, `[interaction][batch element][click]`, (row, col) in image
            pixels; both have one entry per interaction, each with exactly B lists.

        Returns y, float32 (B, 1, H, W) probabilities in [0, 1], and the new z.
        """
        ...


@runtime_checkable
class TrainableModel(IISModel, Protocol):
    """An IISModel that is also an `nn.Module`."""

    def logits(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
        """The network at input resolution, without test-time tricks.

        Arguments as for `__call__`. Returns `{"y": logits (B, 1, H, W), ...auxiliary outputs}` and the
        new z. With gradients enabled, features are recomputed, never taken from a cache.
        """
        ...
