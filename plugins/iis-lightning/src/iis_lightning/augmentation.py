"""Augmentations by import path: those of installed plugins, and code that somebody chose to trust."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any, cast, get_type_hints

from iis_core import UserError
from iis_core.datasets.training import Augmentation
from iis_core.errors import first_line
from iis_core.plugins.catalog import catalog
from iis_lightning.config import Named
from iis_lightning.named import call_with


def build_augmentation(named: Named) -> Any:
    """Build an augmentation, which runs the code that is named: `check_augmentation` says whether it may.

    Args:
        named: `package.module:callable`, and its keywords.

    Raises:
        UserError: the callable does not exist or does not take the keywords.
    """
    return call_with(_resolve(named.name), named, "data.augment")


def check_augmentation(named: Named, trust: Sequence[str] = ()) -> None:
    """Check that an augmentation may be built and takes its keywords, without calling it.

    What an installed plugin defines is accepted where it declares that it makes an augmentation. Anything else is code
    that the configuration would run; its module must be named in `trust`, and is not even imported before.

    Args:
        named: `package.module:callable`, and its keywords.
        trust: modules outside the installed plugins whose callables may be named.

    Raises:
        UserError: the callable may not be called, does not exist, or does not take the keywords.
    """
    module, colon, attribute = named.name.partition(":")
    if not (module and colon and attribute.isidentifier()):
        raise UserError(f"data.augment.name must be package.module:callable, not {named.name!r}")
    trusted = module in trust
    packages = {claim.module.split(".")[0] for claim in catalog().plugins}
    if not (trusted or module.split(".")[0] in packages):
        raise _refuse(named.name, module, "it is in no installed plugin")
    make = _resolve(named.name)
    if not (trusted or _makes_augmentation(make, packages)):
        raise _refuse(named.name, module, "the plugin does not declare that it makes an augmentation")
    try:
        inspect.signature(make).bind(**named.keywords)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"data.augment: {named.name} cannot be made with {named.keywords}: {first_line(error)}"
        ) from error


def _refuse(name: str, module: str, why: str) -> UserError:
    return UserError(
        f"data.augment.name {name} is code that the configuration would run, and {why}: read it, and if it may run, "
        f"give --trust {module}, in Python trust=[{module!r}]"
    )


def _resolve(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        return cast("Callable[..., Any]", getattr(importlib.import_module(module), attribute))
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"data.augment.name {name}: {error}") from error


def _makes_augmentation(make: Any, packages: set[str]) -> bool:
    """Whether a plugin's own class or function declares an augmentation: it is called with (image, region, rng)."""
    if str(getattr(make, "__module__", "")).split(".")[0] not in packages:
        return False
    try:
        made = make if inspect.isclass(make) else get_type_hints(make).get("return")
    except (NameError, TypeError, AttributeError):
        return False
    if made == Augmentation:
        return True
    return inspect.isclass(made) and list(inspect.signature(made.__call__).parameters)[1:] == ["image", "region", "rng"]
