"""Offers: specs with the plugins behind them, and building an object from one."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from iis_core.errors import PluginError, UserError, near_matches, plugin_call
from iis_core.plugins.signatures import Keyword, inspect_keywords, read_keywords
from iis_core.plugins.specs import CommandSpec, FactorySpec, ModelSpec, Spec

SpecT_co = TypeVar("SpecT_co", bound=Spec, covariant=True)

_OF_CORE = ("weights", "device")
"""Keywords of every model that are not its target's."""


@dataclass(frozen=True)
class Claim:
    """An entry point that claims a namespace for a module.

    Args:
        namespace: the name of the entry point.
        module: the import path of the plugin module.
        distribution: the name of the distribution that has the entry point.
        version: the version of the distribution.
    """

    namespace: str
    module: str
    distribution: str
    version: str


@dataclass(frozen=True)
class Offer(Generic[SpecT_co]):
    """A spec and the plugin that offers it.

    Args:
        spec: what is offered.
        claim: the plugin.
        folder: the model folder by which the model was found, None where it was found by its name.
    """

    spec: SpecT_co
    claim: Claim
    folder: Path | None = None

    def resolve(self, import_path: str | None = None) -> Callable[..., Any]:
        """Import what the spec names.

        Args:
            import_path: `"package.module:name"`, by default the spec's target.

        Raises:
            PluginError: it cannot be imported.
        """
        path = self._target if import_path is None else import_path
        module, _, attributes = path.partition(":")
        try:
            found: Any = importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self._locate(path)} cannot be imported: {type(error).__name__}: {error}") from error
        for part in attributes.split("."):
            if not hasattr(found, part):
                hint = near_matches(part, dir(found)) or "; report it to the plugin's authors"
                raise PluginError(f"{self._locate(path)} does not exist: {module} has no {part!r}{hint}")
            found = getattr(found, part)
        return cast("Callable[..., Any]", found)

    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """Return the target's keywords, by name.

        Raises:
            PluginError: the target cannot be imported, or takes no explicit keywords.
        """
        try:
            found = inspect.signature(self.resolve()).parameters
        except (TypeError, ValueError) as error:
            raise PluginError(f"{self._locate(self._target)} cannot be called with keywords: {error}") from error
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in found.values()):
            raise PluginError(f"{self._locate(self._target)} takes **keywords; the contract asks for explicit ones")
        return found

    def keywords(self) -> Mapping[str, Keyword]:
        """Return what is known of the target's keywords, by name.

        The target is imported only where its source is not enough.

        Raises:
            PluginError: as `parameters`.
        """
        found = read_keywords(self._target)
        return {name: inspect_keywords(self.resolve())[name] for name in self.parameters()} if found is None else found

    def check_early(self, keywords: Mapping[str, Any]) -> None:
        """Check names and choices of keywords as far as that needs no import of the target; `build` checks them all.

        Raises:
            UserError: a keyword is unknown, or its value is none of the choices.
        """
        known = read_keywords(self._target)
        core = _OF_CORE if isinstance(self.spec, ModelSpec) else ()
        if known is not None:
            self._refuse_unknown(keywords, [*known, *core])
        self._refuse_other_choices(keywords)

    def effective_keywords(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Return every keyword that the target gets, its own defaults included."""
        own = {name: p.default for name, p in self.parameters().items() if p.default is not p.empty}
        return {**own, **self._factory_spec.defaults, **keywords}

    def build(self, keywords: Mapping[str, Any]) -> Any:
        """Call the target with the spec's defaults and these keywords.

        The object gets an `Origin` as its attribute `origin`, where it can hold one.

        Args:
            keywords: keywords of the target; they take precedence over the spec's defaults.

        Raises:
            UserError: a keyword is unknown, missing, or of the wrong type.
            PluginError: the target fails.
        """
        given = {**self._factory_spec.defaults, **keywords}
        self._check_keywords(given)
        at_fault = f"{self.spec.name} of {self.claim.distribution} could not be built with {given}"
        with plugin_call(f"{at_fault} (report it to the plugin's authors)"):
            built = self.resolve()(**given)
        with suppress(AttributeError):
            built.origin = Origin(self, self.effective_keywords(keywords))
        return built

    @property
    def _target(self) -> str:
        assert isinstance(self.spec, FactorySpec | CommandSpec)
        return self.spec.target

    @property
    def _factory_spec(self) -> FactorySpec:
        assert isinstance(self.spec, FactorySpec)
        return self.spec

    def _locate(self, path: str) -> str:
        return f"{self.spec.name} of {self.claim.distribution}: target {path!r}"

    def _check_keywords(self, given: Mapping[str, Any]) -> None:
        name, known = self.spec.name, self.parameters()
        self._refuse_unknown(given, known)
        annotations = _read_annotations(self.resolve())
        for keyword, value in given.items():
            types = _list_plain_types(annotations.get(keyword))
            if types and not isinstance(value, types):
                wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
                raise UserError(f"{name} takes {wanted} for {keyword!r}, not {value!r}")
        self._refuse_other_choices(given)
        needed = [key for key, parameter in known.items() if parameter.default is parameter.empty and key not in given]
        if needed:
            flag = " (--data-root DIR on the command line, or IIS_DATA for all datasets)" if "root" in needed else ""
            raise UserError(f"{name} needs {', '.join(needed)}{flag}; see `iis show {name}`")

    def _refuse_unknown(self, given: Mapping[str, Any], known: Collection[str]) -> None:
        for keyword in given:
            if keyword not in known:
                hint = near_matches(keyword, known) or f"; it takes {', '.join(known) or 'none'}"
                raise UserError(f"{self.spec.name} has no keyword {keyword!r}{hint}")

    def _refuse_other_choices(self, given: Mapping[str, Any]) -> None:
        for keyword, listed in self._factory_spec.choices.items():
            value, choices = given.get(keyword), list(map(str, listed))
            if value is not None and not any(fnmatchcase(str(value), choice) for choice in choices):
                hint = near_matches(str(value), choices) or f"; it is one of {', '.join(choices)}"
                raise UserError(f"{self.spec.name} has no {keyword} {value!r}{hint}")


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a loaded object comes from; core attaches it as `origin` to everything that it builds.

    Args:
        offer: the spec and its plugin.
        keywords: every effective keyword.
    """

    offer: Offer[Spec]
    keywords: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The catalog name."""
        return self.offer.spec.name


@dataclass(frozen=True, eq=False)
class ModelOrigin(Origin):
    """Where a loaded model and its weights come from.

    Args:
        config: the keywords from which its network was built.
        weights: the file or model folder of its weights, "random", or None where the model has no weights.
        sha256: the hash of the weights file, None without one.
        frozen: names of the parameters that are not trained, e.g. because the logits do not depend on them.
    """

    config: Mapping[str, Any]
    weights: str | None
    sha256: str | None
    frozen: tuple[str, ...]


def show_loaded(thing: object) -> str:
    """Show a model by its name, its weights and its device, and a robot by its name and threshold.

    Args:
        thing: the model or robot; one that core did not build is shown by its class.

    Returns:
        E.g. `<ritm/hrnet18s, random, on cpu>`.
    """
    origin = origin_of(thing)
    facts = [type(thing).__qualname__ if origin is None else origin.name]
    if isinstance(origin, ModelOrigin) and origin.weights is not None:
        facts.append(origin.weights)
    for word, attribute in (("threshold", "threshold"), ("on", "device")):
        if hasattr(thing, attribute):
            facts.append(f"{word} {getattr(thing, attribute)}")
    return f"<{', '.join(facts)}>"


def origin_of(thing: object) -> Origin | None:
    """Return the origin of an object that core built, None for any other."""
    origin = getattr(thing, "origin", None)
    return origin if isinstance(origin, Origin) else None


def _read_annotations(factory: Callable[..., Any]) -> dict[str, Any]:
    """Read the types of a target's keywords; none where an annotation exists for type checkers only."""
    try:
        return get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except Exception:
        return {}


def _list_plain_types(annotation: Any) -> tuple[type, ...]:
    """List the types of an annotation where all are plain, else none; an int is accepted for a float."""
    is_union = get_origin(annotation) in (Union, UnionType)
    types = get_args(annotation) if is_union else (annotation,)
    if not all(kind in (bool, int, float, str, type(None)) for kind in types):
        return ()
    return (*types, int) if float in types and int not in types else types
