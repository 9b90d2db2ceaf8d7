"""Converting values to what JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any


def to_plain(value: Any) -> Any:
    """Convert mappings, sequences and dataclasses recursively; what JSON cannot hold becomes text."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_plain(vars(value))
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(entry) for entry in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
