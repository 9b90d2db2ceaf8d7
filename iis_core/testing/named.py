"""Checks by catalog name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iis_core.errors import UserError
from iis_core.plugins.catalog import find_anywhere
from iis_core.plugins.discovery import Offer
from iis_core.plugins.load import build, load_model
from iis_core.plugins.specs import FactorySpec
from iis_core.testing.datasets import check_dataset
from iis_core.testing.initial_robots import check_initial_robot
from iis_core.testing.models import check_model
from iis_core.testing.results import CheckResult
from iis_core.testing.robots import check_robot
from iis_core.testing.selectors import check_selector

_CHECKS: Mapping[str, Callable[..., list[CheckResult]]] = {
    "models": check_model,
    "robots": check_robot,
    "initial_robots": check_initial_robot,
    "datasets": check_dataset,
    "selectors": check_selector,
}


def check(name: str, /, **keywords: Any) -> list[CheckResult]:
    """Build the thing of that name with its spec's `check_keywords` and the given ones, and check it.

    Raises UserError for an unknown name, PluginError where it cannot be built.
    """
    offers = [offer for offer in find_anywhere(name) if offer.spec.kind in _CHECKS]
    if len(offers) != 1:
        names = ", ".join(f"{offer.spec.name} ({offer.spec.kind})" for offer in offers) or "nothing"
        raise UserError(f"{name!r} stands for {names}: give the full name of one thing that can be checked")
    return check_offer(offers[0], keywords)


def check_offer(offer: Offer, keywords: Mapping[str, Any]) -> list[CheckResult]:
    """Like `check`, for an offer of the catalog."""
    assert isinstance(offer.spec, FactorySpec)
    keywords = {**offer.spec.check_keywords, **keywords}
    built = load_model(offer.spec.name, **keywords) if offer.spec.kind == "models" else build(offer, keywords)
    return _CHECKS[offer.spec.kind](built, offer.spec)
