"""Functions that select, repeat and join the batch elements of states, features and click histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from iis_core.errors import ContractError
from iis_core.types import Clicks, State


def take(z: State, indices: Sequence[int]) -> State:
    """Select or repeat batch elements of a state (or of features): `take(z, [0, 0, 2])`.

    Args:
        z: the state.
        indices: of the elements, in any order.

    Returns:
        The state of these elements.

    Raises:
        ContractError: a value is neither a tensor, a list nor a dict of these.
    """
    return {key: _take_entry(key, value, indices) for key, value in z.items()}


def join(states: Sequence[State]) -> State:
    """Join the batch elements of several states (or features), the inverse of `take`.

    Args:
        states: the states, all with the same keys.

    Returns:
        One state with the elements of all, in their order.
    """
    if len(states) == 1:
        return states[0]
    return {key: _join_entries([state[key] for state in states]) for key in states[0]}


def put(z: State, indices: Sequence[int], new: State) -> State:
    """Replace batch elements of a state (or features), so that `take(put(z, i, new), i)` is `new`.

    Args:
        z: the state.
        indices: of the elements to replace.
        new: the state of the elements that replace them, in the order of the indices.

    Returns:
        The state with the elements replaced; `z` itself stays as it is.

    Raises:
        ContractError: a value is neither a tensor, a list nor a dict of these.
    """
    order = [*range(_count_elements(z))]
    for place, index in enumerate(indices):
        order[index] = len(order) + place
    return take(join([z, new]), order) if indices else z


def take_clicks(clicks: Clicks, indices: Sequence[int]) -> Clicks:
    """Select or repeat batch elements of a click history.

    Args:
        clicks: the history of one sign, `[interaction][batch element][click]`.
        indices: of the elements, in any order.

    Returns:
        The history of these elements.
    """
    return [[interaction[i] for i in indices] for interaction in clicks]


def _count_elements(z: State) -> int:
    """Count the batch elements of a state."""
    entry: Any = next(iter(z.values()), [])
    return _count_elements(entry) if isinstance(entry, dict) else len(entry)


def _take_entry(key: str, value: Any, indices: Sequence[int]) -> Any:
    if isinstance(value, Tensor):
        return value[torch.as_tensor(indices, dtype=torch.long, device=value.device)]
    if isinstance(value, list):
        return [value[i] for i in indices]
    if isinstance(value, dict):
        return take(value, indices)
    raise ContractError(f"z[{key!r}] is a {type(value).__name__}; it must be a tensor, a list or a dict of these")


def _join_entries(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Tensor):
        return torch.cat(list(values))
    return join(values) if isinstance(values[0], dict) else [entry for value in values for entry in value]
