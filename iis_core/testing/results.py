"""Checks that have not run yet, and their results: a check that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

Status = Literal["passed", "failed", "skipped", "expected"]


@dataclass(frozen=True)
class CheckResult:
    """The result of one check of one thing.

    Args:
        check: the name of the check.
        status: "passed"; "failed"; "skipped" where the check does not apply; "expected" where it fails as the spec's
            `expected_failures` say.
        reason: why it has this status; empty where it passed.
        subject: distribution, or catalog name and kind; empty for an object that was checked without its name.
    """

    check: str
    status: Status
    reason: str = ""
    subject: str = ""


@dataclass(frozen=True, eq=False)
class Check:
    """A check that has not run yet.

    Args:
        name: its name.
        call: runs the check; raises what is wrong, or `Skip`.
        subject: distribution, or catalog name and kind; empty for an object that is checked without its name.
        expected_failure: why it is known to fail, None where it is not.
    """

    name: str
    call: Callable[[], None]
    subject: str = ""
    expected_failure: str | None = None

    def run(self) -> CheckResult:
        """Run the check. One that is expected to fail but does not has failed."""
        status, reason = _run_call(self.call)
        if self.expected_failure is not None:
            if status == "failed":
                status, reason = "expected", f"{self.expected_failure} ({reason})"
            else:
                status, reason = "failed", f"{status}, not failed: take it out of the spec's expected_failures"
        return CheckResult(self.name, status, reason, self.subject)


Function = TypeVar("Function", bound=Callable[..., None])


class Checks(list[Callable[..., None]]):
    """The checks of one kind, in order; used as a decorator, it collects a function."""

    def __call__(self, function: Function) -> Function:
        self.append(function)
        return function


class Skip(Exception):  # noqa: N818  (not an error)
    """Raised by a check that does not apply; the message says why."""


def pending(
    functions: Iterable[Callable[..., None]],
    *arguments: object,
    subject: str = "",
    expected_failures: Mapping[str, str] | None = None,
) -> list[Check]:
    """Make a check of every function, to be run later.

    Args:
        functions: the functions.
        arguments: what each function is called with.
        subject: what is checked: a distribution, or catalog name and kind.
        expected_failures: why checks are known to fail, by name.
    """
    expected = expected_failures or {}

    def of(function: Callable[..., None]) -> Check:
        name = function.__name__
        return Check(name, lambda: function(*arguments), subject, expected.get(name))

    return [of(function) for function in functions]


def run_all(checks: Iterable[Check]) -> list[CheckResult]:
    """Run checks, and return their results in order."""
    return [check.run() for check in checks]


def _run_call(call: Callable[[], None]) -> tuple[Status, str]:
    try:
        call()
    except Skip as skip:
        return "skipped", str(skip)
    except AssertionError as error:
        return "failed", str(error)
    except (Exception, SystemExit) as error:
        return "failed", f"{type(error).__name__}: {error}"
    return "passed", ""


def equal(first: Any, second: Any) -> bool:
    """Return whether tensors, arrays, mappings, sequences or plain values are equal, compared recursively."""
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
