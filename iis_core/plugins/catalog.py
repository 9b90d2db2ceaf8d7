"""Listing names, and finding the offer that a name means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from iis_core.errors import PluginError, UserError, near_matches
from iis_core.files.config import expand
from iis_core.plugins.discovery import Discovery, discover
from iis_core.plugins.model_folders import is_path, read_description
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import DatasetSpec, ModelSpec, Spec

SpecT = TypeVar("SpecT", bound=Spec)

OWN_PLUGINS = (
    *("classic", "datasets", "focalclick", "gto99", "lightning", "mmseg"),
    *("ritm", "sam", "segnext", "simpleclick", "smp", "web"),
)
"""Namespaces of the plugins that live beside this core in its repository."""

OWN_COMMANDS: Mapping[str, str] = {"train": "lightning", "click": "web"}
"""The commands that these plugins add, each with its plugin."""


@cache
def catalog() -> Discovery:
    """Return what is installed, found once per process.

    Raises:
        PluginError: a plugin has a problem and `IIS_STRICT=1`.
    """
    found = discover()
    if os.environ.get("IIS_STRICT") == "1" and found.problems:
        raise PluginError("IIS_STRICT=1 and " + "\n".join(map(str, found.problems)))
    return found


def list_names(spec_type: type[Spec], pattern: str = "*") -> list[str]:
    """List the names of one type of spec that match a shell pattern, e.g. `"ritm/*"`, sorted."""
    return [name for name in catalog().offers[spec_type] if fnmatchcase(name, pattern)]


def find(spec_type: type[SpecT], name: str | Path) -> Offer[SpecT]:
    """Find an offer by name, e.g. `find(ModelSpec, "ritm/hrnet18s")`.

    Args:
        spec_type: the type of its spec.
        name: the full name, or the variant alone where only one offer of the type has it; for a model also the path of
            a model folder, where no model has that name.

    Raises:
        UserError: nothing has that name, or several have; the message says which name to use, or what to install.
        PluginError: two plugins offer the name.
    """
    if spec_type is ModelSpec and is_path(name) and name not in catalog().offers[spec_type]:
        folder = expand(name)
        return replace(_find_named(spec_type, read_description(folder).name), folder=folder)
    return _find_named(spec_type, str(name))


def _find_named(spec_type: type[SpecT], name: str) -> Offer[SpecT]:
    offers: Mapping[str, Offer[SpecT]] = catalog().offers[spec_type]
    rivals = catalog().duplicates.get((spec_type, name))
    if rivals:
        raise PluginError(f"{name!r} is offered by {' and by '.join(rivals)}: uninstall one of them")
    if name in offers:
        return offers[name]
    bearers = [offer for offer in offers.values() if offer.spec.variant == name]
    if len(bearers) == 1:
        return bearers[0]
    if bearers:
        names = ", ".join(f"{bearer.spec.name} ({bearer.claim.distribution})" for bearer in bearers)
        raise UserError(f"{name!r} is the name of several {spec_type.kind}: {names}; use the full name")
    raise UserError(_explain_unknown(spec_type, name))


def find_anywhere(name: str) -> list[Offer[Spec]]:
    """Find the offers of every type that have a name, in full or as their variant, or the model of a model folder.

    Raises:
        UserError: there is none.
    """
    found = [offer for offer in _list_offers() if name in (offer.spec.name, offer.spec.variant)]
    if not found and is_path(name):
        return [find(ModelSpec, name)]
    if not found:
        raise UserError(_explain_unknown(None, name))
    return found


def how_to_install(namespace: str) -> str:
    """Explain how to install a plugin of this repository."""
    return (
        f"the plugin iis-{namespace} is not installed; from a checkout of the iis-core repository run "
        f"`pip install . ./plugins/iis-{namespace}`"
    )


def explain_absence(plugin: str) -> str:
    """Explain why nothing of a plugin of this repository is there: it is broken, switched off or not installed."""
    broken = [str(problem) for problem in catalog().problems if problem.plugin == plugin]
    if broken:
        return "; ".join(broken)
    if plugin in os.environ.get("IIS_DISABLE_PLUGINS", "").split(","):
        return f"the plugin iis-{plugin} is switched off by IIS_DISABLE_PLUGINS"
    return how_to_install(plugin)


def _list_offers() -> list[Offer[Any]]:
    return [offer for offers in catalog().offers.values() for offer in offers.values()]


def _explain_unknown(spec_type: type[Spec] | None, name: str) -> str:
    """Explain that no offer of a type, or of any, has a name, and what to do."""
    kind = "offers" if spec_type is None else spec_type.kind
    offers = _list_offers() if spec_type is None else list(catalog().offers[spec_type].values())
    message = f"no {kind.removesuffix('s')} is named {name!r}"
    namespace = name.split("/")[0]
    installed = {claim.namespace for claim in catalog().plugins}
    is_broken = any(problem.plugin == namespace for problem in catalog().problems)
    if is_broken or (namespace in OWN_PLUGINS and namespace not in installed):
        return f"{message}: {explain_absence(namespace)}"
    listing = "iis plugins" if spec_type is None else f"iis list {kind}"
    known = [*(offer.spec.name for offer in offers), *(offer.spec.variant for offer in offers)]
    hint = near_matches(name, known) or f"; `{listing}` shows those installed"
    missing = [plugin for plugin in OWN_PLUGINS if plugin not in installed]
    if spec_type is DatasetSpec and "datasets" in missing:
        hint += f" ({how_to_install('datasets')})"
    elif missing and "/" not in name:
        hint += f" (not installed: {', '.join('iis-' + plugin for plugin in missing)})"
    return message + hint
