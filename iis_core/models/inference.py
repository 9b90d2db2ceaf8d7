"""Tools that make networks faster in evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class InferenceCopy:
    """Keeps a faster copy of a network until the network's modules, parameters or buffers change.

    Other attributes of modules, such as a stride, are not watched.

    Args:
        prepare: takes a network and returns a callable that answers as the network does in evaluation mode, e.g. a copy
            in which everything that does not depend on the input is computed once. It must not change the network;
            where there is nothing to gain, it returns the network itself.
    """

    def __init__(self, prepare: Callable[[nn.Module], Any]) -> None:
        self.prepare = prepare
        self._kept: tuple[Any, Any, Any] | None = None

    @torch.no_grad()
    def of(self, network: nn.Module) -> Any:
        """Return the copy of a network.

        Args:
            network: the network.

        Returns:
            The copy; the network itself while any part of it is in training mode, or where it has no parameters.
        """
        modules = list(network.modules())
        if any(module.training for module in modules) or next(network.parameters(), None) is None:
            return network
        structure = [(module, *module._forward_hooks, *module._forward_pre_hooks) for module in modules]
        if self._kept is not None and self._kept[0] == structure and self._kept[2] is network:
            return network
        contents = _read_contents(network)
        if self._kept is None or self._kept[:2] != (structure, contents):
            self._kept = structure, contents, self.prepare(network)
        return self._kept[2]


def _read_contents(network: nn.Module) -> Any:
    """Read something small that changes whenever the parameters or buffers do.

    Versions alone are not enough: fused optimizers and writes through `.data` leave them as they are. Nor are sums
    alone, which do not see a change of order.
    """
    tensors = (*network.parameters(), *network.buffers())
    known = [
        (0 if tensor.is_inference() else tensor._version, tensor.data_ptr(), tensor.dtype, tensor.device)
        for tensor in tensors
    ]
    sums = defaultdict(list)
    for tensor in tensors:
        sums[tensor.device].append(tensor.sum(dtype=torch.float32))
    return known, [torch.stack(own).tolist() for own in sums.values()]


def consists_of(network: nn.Module, is_own: Callable[[type[nn.Module]], bool]) -> bool:
    """Tell whether a network has only modules whose forward is known: torch's and own ones, without hooks.

    Args:
        network: with all of its modules.
        is_own: whether a class is known not to look into the modules that it holds, but to call them.
    """
    return all(
        (type(module).__module__.startswith("torch.nn.modules.") or is_own(type(module)))
        and not (module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module))
        for module in network.modules()
    )


def enlarge_and_convolve(x: Tensor, weight: Tensor, shape: tuple[int, int], *, align_corners: bool) -> Tensor:
    """Enlarge maps bilinearly and convolve them, without ever holding all channels at the large size.

    Where the small maps have at most a sixteenth of the pixels, this takes many times less computation.

    Args:
        x: floating (B, C, h, w).
        weight: of the convolution, (O, C, k, k) with k odd; the enlarged maps are padded by k // 2 zeros.
        shape: (H, W), the large size.
        align_corners: as for `torch.nn.functional.interpolate`.

    Returns:
        (B, O, H, W), equal to `conv2d(interpolate(x, shape, mode="bilinear"), weight, padding=k // 2)` except for
            rounding.
    """
    # The kernel has k x k taps: its matrices of weights, one for each offset. Both operations are linear, and a tap
    # mixes channels at one pixel, whereas the enlargement mixes pixels of one channel, so they can be swapped: apply
    # each tap to the small maps as a 1x1 convolution, then enlarge its result and shift it by the tap's offset, and
    # sum over taps. Enlarging, shifting and summing are separable: one matrix product over columns, one over rows.
    batch, _, height, width = x.shape
    outputs, _, k, _ = weight.shape
    rows, columns = (
        _build_matrix(small, large, k, x, align_corners) for small, large in zip((height, width), shape, strict=True)
    )
    taps = functional.conv2d(x, weight.permute(2, 3, 0, 1).reshape(k * k * outputs, -1, 1, 1))
    taps = taps.permute(0, 2, 3, 1).reshape(batch, height, width, k, k, outputs)
    by_column = taps.permute(0, 1, 4, 2, 3, 5).reshape(batch, height, k * width, k * outputs)
    wide = (columns @ by_column).reshape(batch, height, shape[1], k, outputs)
    by_row = wide.permute(0, 3, 1, 2, 4).reshape(batch, k * height, shape[1] * outputs)
    return (rows @ by_row).reshape(batch, *shape, outputs).permute(0, 3, 1, 2)


def _build_matrix(small: int, large: int, k: int, like: Tensor, align_corners: bool) -> Tensor:
    """Return the matrix (large, k small) that enlarges a line for each of k taps, shifts by the taps and sums."""
    unit = torch.eye(small, dtype=like.dtype, device=like.device)[None]
    enlarged = functional.interpolate(unit, size=large, mode="linear", align_corners=align_corners)[0]
    return functional.pad(enlarged, (k // 2, k // 2)).unfold(1, large, 1).permute(2, 1, 0).reshape(large, k * small)
