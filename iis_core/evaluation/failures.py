"""Objects that could not be evaluated: each is set aside with its reason, and the others go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from iis_core.errors import ContractError, IISError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """An object without a record, because its files cannot be read or the model failed on it.

    Args:
        id: the object's stable id, see `EvaluationObject`.
        reason: the message of the error.
    """

    id: str
    reason: str


def set_failures_aside(
    work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item], name: Callable[[Item], str]
) -> list[Result | Failure]:
    """Work on objects together; where that fails, on each alone, so that one bad object costs no other its record.

    A broken contract is raised: it would be broken for every object.

    Args:
        work: the work on several objects; it can be repeated.
        items: the objects.
        name: gives the id of an object.

    Returns:
        The results of the work, and a failure for each object on which it failed.

    Raises:
        ContractError: a plugin breaks the contract.
    """
    try:
        return [*work(items)]
    except ContractError:
        raise
    except IISError as error:
        if len(items) == 1:
            return [Failure(name(items[0]), str(error))]
    return [result for item in items for result in set_failures_aside(work, [item], name)]
