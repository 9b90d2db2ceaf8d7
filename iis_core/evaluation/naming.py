"""The name of a run's default folder: whatever makes another run is in it, as short as it can be told."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from iis_core.evaluation.protocols import Protocol

_LONGEST_VALUE, _LONGEST_NAME = 32, 200
_USUAL = {"identity": None, "device": "cpu", "seed": 0, "batch_size": 1}


def name_run(
    settings: Mapping[str, Any], given: tuple[Mapping[str, Any], Mapping[str, Any]], protocol: Protocol
) -> str:
    """Name a run: `MODEL-KEY=VALUE--DATASET-KEY=VALUE--PROTOCOL-RULE=VALUE`.

    Args:
        settings: what the run depends on.
        given: the keywords that were given for the model and for the dataset.
        protocol: the rules; those that differ from the named ones are listed, then the other settings that do.

    Returns:
        A name for a folder, of at most 200 bytes.
    """
    rules = {rule: now for rule, (_, now) in sorted(protocol.departures.items())}
    if "robot" in rules:
        rules["robot"] = rules["robot"].removeprefix("core/").replace("/", "-")
    robot_keywords = rules.pop("robot_keywords", {})
    others = {key: settings[key] for key, usual in _USUAL.items() if settings[key] != usual}
    parts = (
        (settings["model"]["name"], given[0]),
        (settings["dataset"]["name"], given[1]),
        (protocol.name.removeprefix("core/"), {**rules, **robot_keywords, **others}),
    )
    name = "--".join(
        "-".join([_clean(part.replace("/", "-")), *(f"{key}={_shorten(value)}" for key, value in keywords.items())])
        for part, keywords in parts
    )
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    return f"{name.encode()[: _LONGEST_NAME - 9].decode(errors='ignore')}-{_hash(name, 8)}"


def _shorten(value: Any) -> str:
    """Shorten a value: of a path the last part, and of what is cut a hash that tells it from others."""
    text = str(value)
    last = re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    short = _clean(last)[:_LONGEST_VALUE]
    return short if short == text else f"{short}-{_hash(text, 6)}"


def _clean(text: str) -> str:
    """Replace what a folder's name had better not hold."""
    return re.sub(r"[^\w.+=-]+", "_", text).strip("_")


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:digits]
