"""Names: listing them, and finding the one that is meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache

from iis_core.errors import PluginError, UserError
from iis_core.plugins.discovery import Discovery, Offer, discover, near_matches
from iis_core.plugins.specs import SPEC_TYPES

OWN_PLUGINS = ("classic", "datasets", "gto99", "lightning", "mmseg", "ritm", "smp")
"""Namespaces of the plugins that live beside this core in its repository."""


@cache
def catalog() -> Discovery:
    """What is installed, found once per process. With `IIS_STRICT=1` any problem is an error."""
    found = discover()
    if os.environ.get("IIS_STRICT") == "1" and found.problems:
        raise PluginError("IIS_STRICT=1 and " + "\n".join(map(str, found.problems)))
    return found


def list_names(kind: str, pattern: str = "*") -> list[str]:
    """Sorted names of one kind (see `SPEC_TYPES`) that match a shell pattern, e.g. `"ritm/*"`."""
    return [name for name in _offers(kind) if fnmatchcase(name, pattern)]


def find(kind: str, name: str) -> Offer:
    """The offer of that name; a bare variant is enough where only one offer of the kind bears it.

    Raises UserError with near matches, or with the way to install a plugin that is not there; PluginError
    where two plugins offer the name.
    """
    offers = _offers(kind)
    rivals = catalog().duplicates.get((kind, name))
    if rivals:
        raise PluginError(f"{name!r} is offered by {' and by '.join(rivals)}: uninstall one of them")
    if name in offers:
        return offers[name]
    bearers = [offer for offer in offers.values() if offer.spec.variant == name]
    if len(bearers) == 1:
        return bearers[0]
    if bearers:
        names = ", ".join(f"{bearer.spec.name} ({bearer.claim.distribution})" for bearer in bearers)
        raise UserError(f"{name!r} is the name of several {kind}: {names}; use the full name")
    raise UserError(_unknown(kind, name, offers))


def find_anywhere(name: str) -> list[Offer]:
    """The offers of every kind that answer to a name; raises UserError where there is none."""
    found = []
    for kind in SPEC_TYPES:
        found += [offer for offer in _offers(kind).values() if name in (offer.spec.name, offer.spec.variant)]
    if not found:
        everything = {known: offer for kind in SPEC_TYPES for known, offer in _offers(kind).items()}
        raise UserError(_unknown("offers", name, everything))
    return found


def _offers(kind: str) -> Mapping[str, Offer]:
    if kind not in SPEC_TYPES:
        raise UserError(f"unknown kind {kind!r}: one of {', '.join(SPEC_TYPES)}")
    return catalog().offers[kind]


def _unknown(kind: str, name: str, offers: Mapping[str, Offer]) -> str:
    message = f"no {kind.removesuffix('s')} is named {name!r}"
    namespace = name.split("/")[0]
    broken = [problem for problem in catalog().problems if problem.plugin == namespace]
    if broken:
        return f"{message}: {'; '.join(map(str, broken))}"
    installed = {claim.namespace for claim in catalog().plugins}
    if namespace in OWN_PLUGINS and namespace not in installed:
        return f"{message}: {how_to_install(namespace)}"
    variants = [offer.spec.variant for offer in offers.values()]
    listing = f"iis list {kind}" if kind in SPEC_TYPES else "iis plugins"
    hint = near_matches(name, [*offers, *variants]) or f"; `{listing}` shows those installed"
    missing = [plugin for plugin in OWN_PLUGINS if plugin not in installed]
    if kind == "datasets" and "datasets" in missing:
        hint += f" ({how_to_install('datasets')})"
    elif missing and "/" not in name:
        hint += f" (not installed: {', '.join('iis-' + plugin for plugin in missing)})"
    return message + hint


def how_to_install(namespace: str) -> str:
    """What to do where a plugin of this repository is missing."""
    return (
        f"the plugin iis-{namespace} is not installed; from a checkout of the iis-core repository run "
        f"`pip install . ./plugins/iis-{namespace}`"
    )
