"""What a run depends on, written into it, and compared when it is resumed."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import importlib_metadata

from iis_core.errors import UserError, name_of
from iis_core.evaluation.protocols import Protocol
from iis_core.files.plain import to_plain
from iis_core.plugins.offers import Offer
from iis_core.plugins.specs import DatasetSpec, FactorySpec

GIVEN = "given_as"
"""Marks what was given as a Python object: its class alone does not tell it from another one."""

_SHOWN = 200
"""The largest number of characters of a value in a message."""

_LIBRARIES = ("numpy", "scipy", "torch")


def describe_offered(offer: Offer[FactorySpec], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Describe what is loaded by name: its catalog name, its distribution and every effective keyword."""
    return {
        "name": offer.spec.name,
        "distribution": offer.claim.distribution,
        "version": offer.claim.version,
        "keywords": to_plain(offer.effective_keywords(keywords)),
    }


def describe_given(thing: object) -> dict[str, Any]:
    """Describe what was given as a Python object, in place of a catalog name, by its class."""
    return {"name": name_of(thing), GIVEN: f"{type(thing).__module__}.{type(thing).__qualname__}"}


def describe_dataset(offer: Offer[DatasetSpec], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a dataset with its ignore rule, and its published number of objects where it is the published set."""
    published = offer.spec.objects if is_published_set(keywords) else None
    return {**describe_offered(offer, keywords), "ignore": offer.spec.ignore, "published": published}


def is_published_set(keywords: Mapping[str, Any]) -> bool:
    """Return whether the published counts hold for these keywords: another split or option makes another dataset."""
    return not keywords.keys() - {"root"}


def describe_protocol(protocol: Protocol) -> dict[str, Any]:
    """Describe a protocol as JSON can hold it."""
    departures = {rule: list(values) for rule, values in protocol.departures.items()}
    plain: dict[str, Any] = to_plain({**asdict(protocol), "departures": departures})
    return plain


def versions() -> dict[str, str]:
    """List the versions of Python and of the libraries that can change a number."""
    import cv2  # whose distribution has one of several names

    return {
        "python": platform.python_version(),
        "opencv": cv2.__version__,
        **{name: importlib_metadata.version(name) for name in _LIBRARIES},
    }


def make_storable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Make settings such as JSON gives them back: infinity becomes text.

    Args:
        settings: plain values, by key.

    Returns:
        The settings, by key.

    Raises:
        UserError: a setting is NaN, which would equal no other run's.
    """
    return {key: _make_storable(key, value) for key, value in settings.items()}


def _make_storable(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _make_storable(f"{key}.{name}", entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_make_storable(key, entry) for entry in value]
    if isinstance(value, float) and math.isnan(value):
        raise UserError(f"{key} is not a number (NaN): give a number")
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def list_differences(run: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """List the settings that differ, one line each: `model.keywords.iterations: 5 in the run, 3 now`."""
    return show_differences(find_differences(run, now))


def show_differences(differences: Mapping[str, tuple[Any, Any]]) -> list[str]:
    """Show what `find_differences` found, one line each."""
    return [
        f"{key}: {str(before)[:_SHOWN]} in the run, {str(after)[:_SHOWN]} now"
        for key, (before, after) in differences.items()
    ]


def find_differences(run: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find the settings that differ, "absent" where there is none: `{"model.keywords.iterations": (5, 3)}`.

    How many objects the whole dataset has is none of them: records are known by the ids of their objects.
    """
    before, after = dict(_flatten(run)), dict(_flatten(now))
    return {
        key: (before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted({*before, *after} - {"dataset.whole"})
        if before.get(key) != after.get(key)
    }


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
