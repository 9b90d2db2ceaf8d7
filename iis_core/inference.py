"""Networks as they compute fastest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class InferenceCopy:
    """Keeps what `prepare` makes of a network, until the network's parameters change.

    prepare: from a network to a callable that answers as it does in evaluation mode, e.g. a copy in which what does
        not depend on the input is computed once. The network itself must stay as it is.
    """

    def __init__(self, prepare: Callable[[nn.Module], Any]) -> None:
        self.prepare = prepare
        self._kept: tuple[tuple[int, ...], Any] | None = None

    def of(self, network: nn.Module) -> Any:
        """The copy; the network itself while it is trained, or where it has no parameters."""
        if network.training or next(network.parameters(), None) is None:
            return network
        tensors = (*network.parameters(), *network.buffers())
        versions = tuple(version for tensor in tensors for version in (tensor._version, tensor.data_ptr()))
        if self._kept is None or self._kept[0] != versions:
            self._kept = versions, self.prepare(network)
        return self._kept[1]
