"""Finding installed plugins and what they offer, in small steps; a failure is a `Problem`, never an exception.

claims -> one per namespace -> module -> specs -> offers by name
"""

from __future__ import annotations

import importlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import importlib_metadata
import pluggy

from iis_core.plugins import hooks
from iis_core.plugins.offers import Claim, Offer
from iis_core.plugins.specs import SPEC_TYPES, CommandSpec, Spec

GROUP = "iis_core.plugins"


@dataclass(frozen=True)
class Problem:
    """What is wrong with an installed plugin.

    Args:
        plugin: its namespace, "?" where it is not known.
        distribution: the name of its distribution, or where the problem lies.
        stage: the step of discovery that failed.
        cause: what is wrong.
        remedy: what to do about it.
    """

    plugin: str
    distribution: str
    stage: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} of {self.distribution} ({self.stage}): {self.cause}; {self.remedy}"


@dataclass(frozen=True)
class Discovery:
    """Everything found.

    Args:
        plugins: the plugins that work.
        offers: their offers, by spec type and name.
        duplicates: the distributions that offer the same name, by spec type and name.
        problems: what is wrong.
    """

    plugins: tuple[Claim, ...] = ()
    offers: Mapping[type[Spec], Mapping[str, Offer[Any]]] = field(default_factory=dict)
    duplicates: Mapping[tuple[type[Spec], str], tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def discover() -> Discovery:
    """Find every installed plugin except those in `IIS_DISABLE_PLUGINS` (comma-separated), and what it offers."""
    problems: list[Problem] = []
    plugins: list[Claim] = []
    offered: list[Offer[Spec]] = []
    for claim in _settle_namespaces(_drop_disabled(list(_read_claims(problems)), problems), problems):
        module = _import(claim, problems)
        if module is not None:
            plugins.append(claim)
            offered += [Offer(spec, claim) for spec in _collect_specs(claim, module, problems)]
    offers, duplicates = _index_by_name(offered, problems)
    problems += _find_shadowed(offers[CommandSpec])
    return Discovery(tuple(plugins), offers, duplicates, tuple(problems))


def _read_claims(problems: list[Problem]) -> Iterator[Claim]:
    """Read the entry points of our group; where a distribution is installed twice, the first on the path counts."""
    seen: set[str | None] = {None}
    for distribution in importlib_metadata.distributions():
        try:
            points = distribution.entry_points.select(group=GROUP)
            name = normalise_name(distribution.metadata["Name"]) if points else None
            claims = [Claim(point.name, point.value, str(name), distribution.version) for point in points]
        except Exception as error:
            place = str(getattr(distribution, "_path", distribution))
            problems.append(Problem("?", place, "metadata", _describe_error(error), "reinstall that distribution"))
            continue
        if name not in seen:
            seen.add(name)
            yield from claims


def normalise_name(name: str) -> str:
    """Return a distribution's name in the form in which package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _drop_disabled(claims: list[Claim], problems: list[Problem]) -> list[Claim]:
    disabled = {name.strip() for name in os.environ.get("IIS_DISABLE_PLUGINS", "").split(",") if name.strip()}
    for name in sorted(disabled - {claim.namespace for claim in claims}):
        problems.append(
            Problem(name, "IIS_DISABLE_PLUGINS", "disable", "no such plugin is installed", "correct the name")
        )
    return [claim for claim in claims if claim.namespace not in disabled]


def _settle_namespaces(claims: list[Claim], problems: list[Problem]) -> list[Claim]:
    """Give a namespace to the distribution named after it; without one, the claimants share it."""
    claimants = defaultdict(list)
    for claim in claims:
        claimants[claim.namespace].append(claim)
    kept = []
    for namespace, rivals in sorted(claimants.items()):
        owners = [rival for rival in rivals if rival.distribution.removeprefix("iis-") == namespace]
        kept += owners or rivals
        if len(rivals) > 1:
            problems += [
                _make_namespace_problem(claim, rivals, refused=claim not in (owners or rivals)) for claim in rivals
            ]
    return kept


def _make_namespace_problem(claim: Claim, rivals: list[Claim], refused: bool) -> Problem:
    names = " and ".join(rival.distribution for rival in rivals)
    outcome = "this one is left out" if refused else "this one is kept"
    return Problem(
        claim.namespace,
        claim.distribution,
        "namespace",
        f"{names} both claim the namespace {claim.namespace!r}, {outcome}",
        "uninstall one of them, or rename its entry point to its own distribution name minus 'iis-'",
    )


def _import(claim: Claim, problems: list[Problem]) -> ModuleType | None:
    try:
        module = importlib.import_module(claim.module)
    except (Exception, SystemExit) as error:
        remedy = f"run `python -c 'import {claim.module}'` to see where it fails, or uninstall {claim.distribution}"
        problems.append(Problem(claim.namespace, claim.distribution, "import", _describe_error(error), remedy))
        return None
    written_for = getattr(module, "IIS_API", None)
    if written_for != hooks.IIS_API:
        cause = f"written for IIS_API {written_for}, this core has {hooks.IIS_API}"
        remedy = f"install a version of {claim.distribution} made for this core"
        if written_for is None:
            cause = f"{claim.module} does not state IIS_API"
            remedy = f"add `IIS_API = {hooks.IIS_API}` to it"
        problems.append(Problem(claim.namespace, claim.distribution, "api", cause, remedy))
        return None
    return module


def _collect_specs(claim: Claim, module: ModuleType, problems: list[Problem]) -> Iterator[Spec]:
    """Ask one plugin for its specs, kind by kind, so that a broken hook loses only its own kind."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    try:
        manager.register(module, claim.namespace)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        problems.append(_make_hook_problem(claim, "register", _describe_error(error)))
    for kind, spec_type in SPEC_TYPES.items():
        hook = getattr(manager.hook, f"iis_{kind}")
        if hasattr(module, hook.name) and not hook.get_hookimpls():
            cause, remedy = f"{hook.name} is not marked", "put @hookimpl, of iis_core.plugins, above it"
            problems.append(Problem(claim.namespace, claim.distribution, hook.name, cause, remedy))
        try:
            results = hook()
            if len(results) < len(hook.get_hookimpls()):
                problems.append(_make_hook_problem(claim, hook.name, "it returns None, not its specs"))
            for specs in results:
                for spec in specs:
                    cause = _find_fault(spec, spec_type, claim)
                    if cause:
                        problems.append(_make_hook_problem(claim, f"iis_{kind}", cause))
                    else:
                        yield spec
        except (Exception, SystemExit) as error:
            problems.append(_make_hook_problem(claim, f"iis_{kind}", _describe_error(error)))


def _find_fault(spec: object, spec_type: type[Spec], claim: Claim) -> str:
    if not isinstance(spec, spec_type):
        return f"{spec!r} is a {type(spec).__name__}, not a {spec_type.__name__}"
    if spec.namespace != claim.namespace:
        return f"{spec.name!r} is outside the plugin's namespace {claim.namespace!r}"
    return ""


def _make_hook_problem(claim: Claim, stage: str, cause: str) -> Problem:
    remedy = f"correct {claim.module}, or report it to the authors of {claim.distribution}; what came before works"
    return Problem(claim.namespace, claim.distribution, stage, cause, remedy)


def _index_by_name(
    offered: list[Offer[Spec]], problems: list[Problem]
) -> tuple[dict[type[Spec], dict[str, Offer[Any]]], dict[tuple[type[Spec], str], tuple[str, ...]]]:
    """Index offers by spec type and name; a name that two plugins offer is left out."""
    count = Counter(map(_make_key, offered))
    offers: dict[type[Spec], dict[str, Offer[Any]]] = {spec_type: {} for spec_type in SPEC_TYPES.values()}
    rivals = defaultdict(list)
    for offer in sorted(offered, key=lambda offer: offer.spec.name):
        key = _make_key(offer)
        if count[key] == 1:
            offers[key[0]][key[1]] = offer
        else:
            rivals[key].append(offer.claim.distribution)
    duplicates = {key: tuple(sorted(names)) for key, names in rivals.items()}
    for (spec_type, name), distributions in duplicates.items():
        cause = f"{name!r} is offered by {' and by '.join(distributions)}, so neither is used"
        remedy = "uninstall one, or ask its authors to rename it"
        stage = f"iis_{spec_type.kind}"
        problems.append(Problem(name.split("/")[0], ", ".join(distributions), stage, cause, remedy))
    return offers, duplicates


def _find_shadowed(commands: Mapping[str, Offer[Any]]) -> Iterator[Problem]:
    """Find commands of plugins that are called like one of the core, which comes first."""
    for offer in commands.values():
        name, claim = offer.spec.variant, offer.claim
        if claim.namespace != "core" and f"core/{name}" in commands:
            cause = f"`iis {name}` is the core's own command, that of {claim.distribution} is `iis {offer.spec.name}`"
            yield Problem(claim.namespace, claim.distribution, "iis_commands", cause, "ask its authors to rename it")


def _make_key(offer: Offer[Spec]) -> tuple[type[Spec], str]:
    return SPEC_TYPES[offer.spec.kind], offer.spec.name


def _describe_error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
