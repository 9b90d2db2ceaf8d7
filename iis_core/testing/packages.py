"""Checks of an installed plugin package, before anything that it offers is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import importlib_metadata

from iis_core.errors import UserError
from iis_core.plugins.catalog import catalog
from iis_core.plugins.discovery import GROUP, Problem, normalise_name
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import DatasetSpec, ModelSpec, Spec
from iis_core.testing.results import Checks, require

package_checks = Checks()

HEAVY = (
    "PIL",
    "cv2",
    "jax",
    "lightning",
    "matplotlib",
    "mmengine",
    "mmseg",
    "numpy",
    "pandas",
    "rich",
    "scipy",
    "segmentation_models_pytorch",
    "skimage",
    "sklearn",
    "tensorflow",
    "timm",
    "torch",
    "torchvision",
    "transformers",
)
"""Modules that must not be imported merely to list what a plugin offers."""

_NAME = re.compile(r"[\w.-]*")

_LISTING = "from iis_core.plugins.discovery import discover; discover(); import sys; print(*sys.modules)"


@dataclass(frozen=True, eq=False)
class Package:
    """An installed plugin package.

    Args:
        name: the normalised name of the distribution.
        distribution: the distribution.
        offers: what it offers.
        problems: what discovery finds wrong with it.
    """

    name: str
    distribution: importlib_metadata.Distribution
    offers: tuple[Offer[Spec], ...]
    problems: tuple[Problem, ...]

    @property
    def entry_points(self) -> list[importlib_metadata.EntryPoint]:
        return list(self.distribution.entry_points.select(group=GROUP))


def find_package(name: str) -> Package | None:
    """Find an installed plugin package, None where the distribution is not installed or not of a plugin."""
    try:
        distribution = importlib_metadata.Distribution.from_name(name)
    except (importlib_metadata.PackageNotFoundError, ValueError):
        return None
    name = normalise_name(name)
    if not (name.startswith("iis-") or distribution.entry_points.select(group=GROUP)):
        return None
    found = catalog()
    offers = [offer for offers in found.offers.values() for offer in offers.values()]
    return Package(
        name,
        distribution,
        tuple(offer for offer in offers if offer.claim.distribution == name),
        tuple(problem for problem in found.problems if name in problem.distribution.split(", ")),
    )


def require_package(name: str) -> Package:
    """Find an installed plugin package.

    Raises:
        UserError: there is none of that name.
    """
    package = find_package(name)
    if package is None:
        known = sorted({claim.distribution for claim in catalog().plugins})
        raise UserError(f"no plugin package {name!r} is installed; installed: {', '.join(known)}")
    return package


@package_checks
def check_is_discovered(package: Package) -> None:
    """No stage of discovery finds anything wrong."""
    require(not package.problems, "; ".join(f"{p.stage}: {p.cause}; {p.remedy}" for p in package.problems))


@package_checks
def check_has_one_entry_point(package: Package) -> None:
    names = [point.name for point in package.entry_points]
    expected = package.name.removeprefix("iis-")
    table = f'[project.entry-points."{GROUP}"]'
    require(len(names) == 1, f"it has {len(names)} entry points in the group {GROUP}: give one, below {table}")
    require(
        names == [expected], f"its entry point is {names[0]!r}: call it {expected!r}, as the package without 'iis-'"
    )


@package_checks
def check_listing_imports_nothing_heavy(package: Package) -> None:
    """Listing what this plugin alone offers, in a process of its own, imports none of `HEAVY`."""
    own = {point.name for point in package.entry_points}
    others = importlib_metadata.entry_points(group=GROUP).names - own
    environment = {
        **os.environ,
        "IIS_DISABLE_PLUGINS": ",".join(sorted(others)),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-c", _LISTING]
    listing = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    require(listing.returncode == 0, f"listing ends with {listing.stderr.strip().splitlines()[-1:]}")
    heavy = sorted(set(listing.stdout.split()) & set(HEAVY))
    module = package.entry_points[0].value if package.entry_points else ""
    require(not heavy, f"listing imports {', '.join(heavy)}: import them in the targets, not in {module}")


@package_checks
def check_requires_iis_core(package: Package) -> None:
    names = {
        normalise_name(name) for required in package.distribution.requires or () for name in _NAME.findall(required)[:1]
    }
    require(package.name == "iis-core" or "iis-core" in names, "it does not require iis-core: add it to dependencies")


@package_checks
def check_says_its_licence(package: Package) -> None:
    """The package has a licence, and so have the weights and datasets that it offers."""
    metadata = package.distribution.metadata
    stated = metadata.get("License-Expression") or metadata.get("License") or _list_licence_classifiers(metadata)
    require(stated, 'its metadata have no licence: add e.g. license = "MIT" below [project]')
    for offer in package.offers:
        spec = offer.spec
        if isinstance(spec, ModelSpec) and spec.weights is not None:
            require(spec.weights.licence, f"{spec.name}: its weights have no licence: say which, or that it is unknown")
        if isinstance(spec, DatasetSpec):
            require(spec.licence, f"{spec.name}: the spec has no licence: say the terms of its images and masks")


@package_checks
def check_says_what_it_offers(package: Package) -> None:
    for offer in package.offers:
        summary = offer.spec.summary
        require(summary.strip() and "\n" not in summary, f"{offer.spec.name}: summary {summary!r} is not one line")


def _list_licence_classifiers(metadata: importlib_metadata.PackageMetadata) -> list[str]:
    return [entry for entry in metadata.get_all("Classifier") or () if entry.startswith("License ::")]
