"""Finding and calling what a configuration names; finding resolves and inspects, and calls nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from iis_core import UserError
from iis_core.errors import first_line, near_matches
from iis_lightning.config import Named


def find_optimizer(named: Named) -> Callable[..., torch.optim.Optimizer]:
    """Find an optimizer class.

    Args:
        named: its name; the keywords are not used.

    Raises:
        UserError: torch has no optimizer of that name.
    """
    return cast("Callable[..., torch.optim.Optimizer]", _find_in_torch(named, torch.optim, torch.optim.Optimizer))


def find_schedule(named: Named) -> Callable[..., torch.optim.lr_scheduler.LRScheduler]:
    """Find a schedule class.

    Args:
        named: its name; the keywords are not used.

    Raises:
        UserError: torch has no schedule of that name.
    """
    schedules = torch.optim.lr_scheduler
    return cast(
        "Callable[..., torch.optim.lr_scheduler.LRScheduler]", _find_in_torch(named, schedules, schedules.LRScheduler)
    )


def call_with(make: Callable[..., Any], named: Named, where: str, *arguments: Any) -> Any:
    """Call something with its keywords.

    Args:
        make: what is called.
        named: its name and keywords.
        where: the configuration's key, for the error message.
        *arguments: positional arguments.

    Raises:
        UserError: the keywords are not accepted.
    """
    try:
        return make(*arguments, **named.keywords)
    except (TypeError, ValueError, AssertionError, ImportError, MisconfigurationException) as error:
        raise UserError(f"{where}: {named.name} cannot be made with {named.keywords}: {first_line(error)}") from error


def _find_in_torch(named: Named, module: Any, base: type) -> Any:
    known = [name for name, item in vars(module).items() if inspect.isclass(item) and issubclass(item, base)]
    require_one_of(named.name, known, module.__name__)
    return getattr(module, named.name)


def require_one_of(name: str, known: Iterable[str], where: str) -> None:
    """Check that a name is known.

    Args:
        name: the name.
        known: the known names.
        where: the configuration's key, for the error message.

    Raises:
        UserError: the name is unknown; near matches are named.
    """
    names = list(known)
    if name not in names:
        listed = f"; known: {', '.join(sorted(names))}"
        raise UserError(f"{where} has no {name!r}{near_matches(name, names) or listed}")
