"""Running checks: a failure is a record, not the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check on one thing; reason is empty where it passed."""

    check: str
    status: Literal["passed", "failed", "skipped"]
    reason: str = ""


class Skip(Exception):  # noqa: N818  (not an error)
    """Raised by a check that does not apply; the message says why."""


def run_checks(checks: Sequence[Callable[..., None]], *arguments: object) -> list[CheckResult]:
    """Call every check with the arguments; a check fails by raising anything but `Skip`."""
    return [_run(check, arguments) for check in checks]


def _run(check: Callable[..., None], arguments: tuple[object, ...]) -> CheckResult:
    name = check.__name__.lstrip("_")
    try:
        check(*arguments)
    except Skip as skip:
        return CheckResult(name, "skipped", str(skip))
    except AssertionError as error:
        return CheckResult(name, "failed", str(error))
    except Exception as error:
        return CheckResult(name, "failed", f"{type(error).__name__}: {error}")
    return CheckResult(name, "passed")


def equal(first: Any, second: Any) -> bool:
    """Deep equality of tensors, arrays, mappings, sequences and plain values."""
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and torch.equal(first, second)
    if isinstance(first, np.ndarray):
        return isinstance(second, np.ndarray) and np.array_equal(first, second)
    if isinstance(first, Mapping):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


def require(condition: object, reason: str) -> None:
    """Fail the check with this reason unless the condition holds."""
    if not condition:
        raise AssertionError(reason)
