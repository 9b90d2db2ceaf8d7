"""Checks by name: of one thing in the catalog, or of a package and everything that it offers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError, near_matches
from iis_core.plugins.catalog import find_anywhere
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import (
    SPEC_TYPES,
    DatasetSpec,
    FactorySpec,
    InitialRobotSpec,
    ModelSpec,
    ProtocolSpec,
    RobotSpec,
    SelectorSpec,
    Spec,
)
from iis_core.testing.datasets import dataset_checks
from iis_core.testing.factories import (
    Recipe,
    build_once,
    check_files,
    check_target_and_keywords,
    factory_checks,
    model_factory_checks,
    require_built,
    write_recipe,
)
from iis_core.testing.initial_robots import initial_robot_checks
from iis_core.testing.models import model_checks
from iis_core.testing.packages import Package, find_package, package_checks, require_package
from iis_core.testing.protocols import protocol_checks
from iis_core.testing.results import Check, CheckResult, Checks, Skip, pending, run_all
from iis_core.testing.robots import robot_checks
from iis_core.testing.selectors import selector_checks

if TYPE_CHECKING:
    import pytest

_CONTRACTS: Mapping[type[FactorySpec], Checks] = {
    ModelSpec: model_checks,
    RobotSpec: robot_checks,
    InitialRobotSpec: initial_robot_checks,
    DatasetSpec: dataset_checks,
    SelectorSpec: selector_checks,
}


def check(name: str, /, **keywords: Any) -> list[CheckResult]:
    """Check one thing in the catalog, or a whole package.

    Args:
        name: a catalog name, or the name of an installed distribution, e.g. "iis-mine".
        keywords: keywords with which the thing is built; they take precedence over its spec's `check_keywords`.

    Returns:
        The result of every check.

    Raises:
        UserError: the name is unknown, a package is given keywords, or the thing cannot be built with those given.
    """
    package = find_package(name)
    if package is not None:
        if keywords:
            raise UserError(f"{name} is a package: give keywords with the name of one thing that it offers")
        return check_plugin(name)
    offers = _list_offers(name)
    for offer in offers if keywords or isinstance(offers[0].spec, DatasetSpec) else ():
        if isinstance(offer.spec, FactorySpec):
            recipe = write_recipe(Offer(offer.spec, offer.claim, offer.folder), keywords)
            if recipe.needs_files:
                raise UserError(recipe.where_files_are)
            made = build_once(recipe)
            if isinstance(made, UserError):
                raise made
    return run_all(check for offer in offers for check in list_offer_checks(offer, keywords))


def check_plugin(distribution: str) -> list[CheckResult]:
    """Check an installed package: its entry point, its metadata, and everything that it offers.

    Raises:
        UserError: it is not installed.
    """
    return run_all(list_package_checks(require_package(distribution)))


def parametrize_with_checks(*names: str) -> pytest.MarkDecorator:
    """Make a pytest decorator that runs a test once for every check.

    A check that does not apply is a skipped test, one that is expected to fail a strict xfail.

    Args:
        names: catalog names, or names of installed distributions.

    Example:
        ```python
        @parametrize_with_checks("iis-mine")
        def test_contract(check):
            check()
        ```
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

    return pytest.mark.parametrize("check", [parameter(check) for name in names for check in list_checks(name)])


def list_checks(name: str) -> Iterator[Check]:
    """List the checks of a thing or a package; nothing is built yet."""
    package = find_package(name)
    if package is not None:
        return list_package_checks(package)
    return chain.from_iterable(map(list_offer_checks, _list_offers(name)))


def list_package_checks(package: Package) -> Iterator[Check]:
    """List the checks of a package itself, then those of everything that it offers."""
    own = pending(package_checks, package, subject=package.name)
    return chain(own, *(list_offer_checks(offer) for offer in package.offers))


def list_offer_checks(offer: Offer[Spec], keywords: Mapping[str, Any] | None = None) -> list[Check]:
    """List the checks of a spec and its target, then those of the object that is built from it.

    Args:
        offer: the offer.
        keywords: keywords that take precedence over the spec's `check_keywords`.
    """
    spec = offer.spec
    subject = f"{spec.name} ({spec.kind})"
    if isinstance(spec, ProtocolSpec):
        return pending(protocol_checks, spec, subject=subject)
    if not isinstance(spec, FactorySpec):
        return []  # a command: more than its discovery cannot be checked without running it
    recipe = write_recipe(Offer(spec, offer.claim, offer.folder), keywords or {})
    if recipe.needs_files:
        return pending((check_target_and_keywords, check_files), recipe, subject=subject)
    factory = [*factory_checks, *(model_factory_checks if isinstance(spec, ModelSpec) else ())]
    contract = [_build_and_check(function, recipe) for function in _CONTRACTS[_find_type(spec)]]
    expected = spec.expected_failures
    checks = [
        *pending(factory, recipe, subject=subject, expected_failures=expected),
        *pending(contract, subject=subject, expected_failures=expected),
    ]
    return [*_check_expectations(spec, subject, [check.name for check in checks]), *checks]


def _find_type(spec: FactorySpec) -> type[FactorySpec]:
    found = SPEC_TYPES[spec.kind]
    assert issubclass(found, FactorySpec)
    return found


def _build_and_check(function: Callable[..., None], recipe: Recipe) -> Callable[[], None]:
    """Make a check that builds the object when it runs."""

    def check() -> None:
        function(require_built(recipe), recipe.spec)

    check.__name__ = function.__name__
    return check


def _check_expectations(spec: FactorySpec, subject: str, known: list[str]) -> list[Check]:
    """Make a failing check where `expected_failures` names checks that do not exist."""

    def check_expected_failures_exist() -> None:
        hints = [f"{name!r}{near_matches(name, known)}" for name in spec.expected_failures if name not in known]
        raise AssertionError(f"expected_failures names no check of {spec.kind}: {', '.join(hints)}")

    missing = set(spec.expected_failures) - set(known)
    return pending([check_expected_failures_exist], subject=subject) if missing else []


def _list_offers(name: str) -> list[Offer[Spec]]:
    """List the offers of a name, of any kind; a robot and a protocol may share it."""
    if name.startswith("iis-"):
        require_package(name)
    offers = find_anywhere(name)
    names = sorted({offer.spec.name for offer in offers})
    if len(names) > 1:
        raise UserError(f"{name!r} stands for {' and '.join(names)}: give the full name")
    return offers
