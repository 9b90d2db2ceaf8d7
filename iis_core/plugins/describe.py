"""What can be given to an offer: its keywords, with the spec's own defaults and choices, without loading it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from iis_core.plugins.load import load_model
from iis_core.plugins.offers import Offer
from iis_core.plugins.signatures import Keyword, inspect_keywords
from iis_core.plugins.specs import FactorySpec, ModelSpec, ProtocolSpec, Spec

_RULES = ("robot", "threshold", "inclusive", "max_clicks", "stop_iou")


@dataclass(frozen=True)
class Choice:
    """A keyword that a caller can give.

    Args:
        name: its name.
        type: its annotation as written, empty without one.
        required: whether it must be given.
        default: what it is otherwise; an expression as text where the source has one that is no literal.
        choices: the values that it accepts, where they can be listed; `*` stands for anything.
        meaning: what the target's docstring says of it.
    """

    name: str
    type: str
    required: bool
    default: Any
    choices: tuple[object, ...]
    meaning: str


def describe_keywords(offer: Offer[Spec]) -> list[Choice]:
    """List what can be given to an offer; for a protocol these are the rules that can be overridden.

    Raises:
        PluginError: the target is broken.
    """
    spec = offer.spec
    if isinstance(spec, ProtocolSpec):
        rules = inspect_keywords(ProtocolSpec)
        return [_describe(rules[rule], {rule: getattr(spec, rule)}) for rule in _RULES]
    if not isinstance(spec, FactorySpec):
        return []
    known = offer.keywords()
    if not isinstance(spec, ModelSpec):
        return [_describe(keyword, spec.defaults, spec.choices) for keyword in known.values()]
    given = {**spec.config, **spec.defaults}
    found = [_describe(keyword, given, spec.choices) for keyword in known.values()]
    # What has no default yet is looked up from the others before the target is called.
    completed = [replace(choice, required=False) for choice in found] if spec.complete else found
    return [*completed, *([_describe(inspect_keywords(load_model)["weights"])] if spec.has_weights else [])]


def _describe(
    keyword: Keyword, defaults: Mapping[str, Any] | None = None, choices: Mapping[str, Any] | None = None
) -> Choice:
    name = keyword.name
    is_given = name in (defaults or {})
    default = (defaults or {})[name] if is_given else _evaluate(keyword.default)
    listed = tuple((choices or {}).get(name, ()))
    return Choice(name, keyword.type, not is_given and keyword.default is None, default, listed, keyword.meaning)


def _evaluate(source: str | None) -> Any:
    try:
        return None if source is None else ast.literal_eval(source)
    except (ValueError, SyntaxError):
        return source
