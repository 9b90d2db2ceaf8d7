"""Checks by name: of one thing of the catalog, or of a package and everything that it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError
from iis_core.plugins.catalog import find_anywhere
from iis_core.plugins.discovery import Offer, near_matches
from iis_core.plugins.specs import FactorySpec
from iis_core.testing.datasets import DATASET_CHECKS
from iis_core.testing.factories import (
    FACTORY_CHECKS,
    MODEL_FACTORY_CHECKS,
    Recipe,
    built,
    check_files,
    check_target_and_keywords,
    made_or_skip,
    recipe_of,
)
from iis_core.testing.initial_robots import INITIAL_ROBOT_CHECKS
from iis_core.testing.models import MODEL_CHECKS
from iis_core.testing.packages import PACKAGE_CHECKS, Package, installed_package, required_package
from iis_core.testing.protocols import PROTOCOL_CHECKS
from iis_core.testing.results import Check, CheckResult, Skip, pending, run_all
from iis_core.testing.robots import ROBOT_CHECKS
from iis_core.testing.selectors import SELECTOR_CHECKS

if TYPE_CHECKING:
    import pytest

_CONTRACTS: Mapping[str, tuple[Callable[..., None], ...]] = {
    "models": MODEL_CHECKS,
    "robots": ROBOT_CHECKS,
    "initial_robots": INITIAL_ROBOT_CHECKS,
    "datasets": DATASET_CHECKS,
    "selectors": SELECTOR_CHECKS,
}


def check(name: str, /, **keywords: Any) -> list[CheckResult]:
    """Check a thing of the catalog, built with its spec's `check_keywords` and the given ones, or a whole package.

    name: of the catalog, or of an installed distribution, e.g. "iis-mine".

    Raises UserError for an unknown name, and where it cannot be built with the keywords that were given.
    """
    package = installed_package(name)
    if package is not None:
        if keywords:
            raise UserError(f"{name} is a package: give keywords with the name of one thing that it offers")
        return check_plugin(name)
    offers = _offers_of(name)
    for offer in offers if keywords or offers[0].spec.kind == "datasets" else ():
        if isinstance(offer.spec, FactorySpec):
            recipe = recipe_of(offer, keywords)
            if recipe.needs_files:
                raise UserError(recipe.where_files_are)
            made = built(recipe)
            if isinstance(made, UserError):
                raise made
    return run_all(check for offer in offers for check in checks_of_offer(offer, keywords))


def check_plugin(distribution: str) -> list[CheckResult]:
    """Check an installed package: its entry point, its metadata, and everything that it offers.

    Raises UserError where it is not installed.
    """
    return run_all(checks_of_package(required_package(distribution)))


def parametrize_with_checks(*names: str) -> pytest.MarkDecorator:
    """A pytest decorator: one test for every check of the things or packages of these names.

    @parametrize_with_checks("iis-mine")
    def test_contract(check):
        check()

    What is skipped is a skipped test, what is expected to fail a strict xfail.
    """
    import pytest

    def parameter(check: Check) -> Any:
        def call() -> None:
            try:
                check.call()
            except Skip as skip:
                pytest.skip(str(skip))

        reason = check.expected_failure
        marks = () if reason is None else (pytest.mark.xfail(reason=reason, strict=True),)
        return pytest.param(call, id=f"{check.subject.replace(' ', '')}-{check.name}", marks=marks)

    return pytest.mark.parametrize("check", [parameter(check) for name in names for check in checks_of(name)])


def checks_of(name: str) -> Iterator[Check]:
    """What there is to check of a thing or a package; nothing is built yet."""
    package = installed_package(name)
    if package is not None:
        return checks_of_package(package)
    return chain.from_iterable(map(checks_of_offer, _offers_of(name)))


def checks_of_package(package: Package) -> Iterator[Check]:
    """Of the package itself, then of everything that it offers."""
    own = pending(PACKAGE_CHECKS, package, subject=package.name)
    return chain(own, *(checks_of_offer(offer) for offer in package.offers))


def checks_of_offer(offer: Offer, keywords: Mapping[str, Any] | None = None) -> list[Check]:
    """Of the spec and its target, then of what is built with the spec's `check_keywords` and the given ones."""
    spec = offer.spec
    subject = f"{spec.name} ({spec.kind})"
    if not isinstance(spec, FactorySpec):
        return pending(PROTOCOL_CHECKS, spec, subject=subject)
    recipe = recipe_of(offer, keywords or {})
    if recipe.needs_files:
        return pending((check_target_and_keywords, check_files), recipe, subject=subject)
    factory = MODEL_FACTORY_CHECKS if spec.kind == "models" else FACTORY_CHECKS
    contract = [_of_built(function, recipe) for function in _CONTRACTS[spec.kind]]
    expected = spec.expected_failures
    checks = [
        *pending(factory, recipe, subject=subject, expected_failures=expected),
        *pending(contract, subject=subject, expected_failures=expected),
    ]
    return [*_unknown_expectations(spec, subject, [check.name for check in checks]), *checks]


def _of_built(function: Callable[..., None], recipe: Recipe) -> Callable[[], None]:
    """A check of the object, which is built only now."""

    def check() -> None:
        function(made_or_skip(recipe), recipe.spec)

    check.__name__ = function.__name__
    return check


def _unknown_expectations(spec: FactorySpec, subject: str, known: list[str]) -> list[Check]:
    """A check that fails, for names in `expected_failures` that no check has."""

    def check_expected_failures_exist() -> None:
        hints = [f"{name!r}{near_matches(name, known)}" for name in spec.expected_failures if name not in known]
        raise AssertionError(f"expected_failures names no check of {spec.kind}: {', '.join(hints)}")

    missing = set(spec.expected_failures) - set(known)
    return pending([check_expected_failures_exist], subject=subject) if missing else []


def _offers_of(name: str) -> list[Offer]:
    """Of any kind; a robot and a protocol may have one name."""
    if name.startswith("iis-"):
        required_package(name)
    offers = find_anywhere(name)
    names = sorted({offer.spec.name for offer in offers})
    if len(names) > 1:
        raise UserError(f"{name!r} stands for {' and '.join(names)}: give the full name")
    return offers
