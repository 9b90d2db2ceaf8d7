"""What a run depends on, written into it, and compared when it is resumed."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import importlib_metadata

from iis_core.datasets import EvaluationDataset
from iis_core.errors import name_of
from iis_core.plain import plain
from iis_core.plugins.catalog import find
from iis_core.plugins.load import effective_keywords
from iis_core.plugins.specs import DatasetSpec
from iis_core.protocols import Protocol

GIVEN = "given_as"
"""Marks an object that came from Python: its class says too little to tell it from another one."""

_LIBRARIES = ("numpy", "opencv-python", "scipy", "torch")


def describe(kind: str, thing: object, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """A catalog name with its distribution and every effective keyword, or the class of a given object."""
    if not isinstance(thing, str):
        return {"name": name_of(thing), GIVEN: f"{type(thing).__module__}.{type(thing).__qualname__}"}
    offer = find(kind, thing)
    return {
        "name": offer.spec.name,
        "distribution": offer.claim.distribution,
        "version": offer.claim.version,
        "keywords": {key: plain(value) for key, value in effective_keywords(offer, keywords).items()},
    }


def describe_published(dataset: object, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The ignore rule of a dataset from the catalog, and its published number of objects where it is that set."""
    spec = find("datasets", dataset).spec if isinstance(dataset, str) else None
    if not isinstance(spec, DatasetSpec):
        return {}
    return {"ignore": spec.ignore, "published": spec.objects if is_published_set(keywords) else None}


def is_published_set(keywords: Mapping[str, Any]) -> bool:
    """Whether the published counts are of the dataset built with these keywords: a split or option makes another."""
    return not keywords.keys() - {"root"}


def describe_targets(targets: EvaluationDataset) -> dict[str, Any]:
    """How many targets, of how many in the whole dataset, and a fingerprint of their ids in order."""
    fingerprint = hashlib.sha256("\n".join(targets.ids).encode()).hexdigest()
    return {"objects": len(targets), "whole": targets.whole, "ids_sha256": fingerprint}


def describe_protocol(protocol: Protocol) -> dict[str, Any]:
    """A protocol as JSON can hold it."""
    departures = {rule: list(values) for rule, values in protocol.departures.items()}
    return {**asdict(protocol), "departures": departures}


def protocol_from_settings(described: Mapping[str, Any]) -> Protocol:
    """The protocol that `describe_protocol` described."""
    departures = {rule: tuple(values) for rule, values in described["departures"].items()}
    return Protocol(**{**described, "departures": departures})


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that can move a number."""
    return {
        "python": platform.python_version(),
        **{name: importlib_metadata.version(name) for name in _LIBRARIES},
    }


def differences(run: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line per setting that differs: `model.keywords.iterations: 5 in the run, 3 now`."""
    before, after = dict(_flat(run)), dict(_flat(now))
    return [
        f"{key}: {before.get(key, 'absent')} in the run, {after.get(key, 'absent')} now"
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
