"""What a configuration may build: types that the library registers, nothing that a name would import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

_LIBRARIES = ("mmseg", "mmpretrain")
_OF_MMPRETRAIN = ("mmpretrain.models.backbones.", "mmpretrain.models.utils.")
"""Its other modules hold models that fetch what they are made of, and may run what they fetched."""

_LOADERS = ("TIMMBackbone", "VPD")
"""Backbones that read or fetch weights while they are made."""


@contextmanager
def only_registered() -> Iterator[None]:
    """Let the library's registries give what is registered in them, whichever keyword names it.

    By themselves they import a dotted name and give whatever it is, `os.system` for example.
    """
    from mmengine.registry import Registry

    with patch.object(Registry, "get", _get_registered):
        yield


def _get_registered(registry: Any, name: str) -> Any:
    registry.import_from_location()
    library, _, own_name = name.rpartition(".")
    if library in _LIBRARIES:
        registries = [_find_root(registry).children.get(library)]
    else:
        registries = [] if library else list(_list_ancestors(registry))
    found = next((each.module_dict[own_name] for each in registries if each and own_name in each.module_dict), None)
    if found is None:
        raise LookupError(f"{name} is not registered by the library")
    module = str(getattr(found, "__module__", ""))
    if own_name in _LOADERS or (module.startswith("mmpretrain.") and not module.startswith(_OF_MMPRETRAIN)):
        raise LookupError(f"{name} reads or fetches files by itself")
    return found


def _list_ancestors(registry: Any) -> Iterator[Any]:
    while registry is not None:
        yield registry
        registry = registry.parent


def _find_root(registry: Any) -> Any:
    *_, root = _list_ancestors(registry)
    return root
