"""In what runs differ that are shown together: their settings, and what makes their numbers hard to compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from iis_core.report.pairing import explain_difference, group_comparable, group_repeats

if TYPE_CHECKING:
    from iis_core.evaluation import Run

_SHOWN_ELSEWHERE = ("protocol.", "robot.keywords.threshold", "robot.keywords.inclusive", "dataset.published")
"""Columns and notes have them; the robot binarises by the protocol's rule."""

_HASH_DIGITS = 12
"""Enough of a hash to tell files apart."""

_OBJECTS = ("dataset.whole",)


def list_differing_settings(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """List the settings in which runs of one thing differ: keywords, weights, seed, batch size, device, versions.

    Keywords are compared between runs of the same model, dataset or robot: those of different ones differ anyway.

    Args:
        runs: the runs that are shown together.

    Returns:
        For each run its values by the name of the setting, such as `model.working_size`; the same names for all, in
            the order of the settings, None where a run does not have one.
    """
    flat = [dict(_flatten(run.settings)) for run in runs]
    keys = list(dict.fromkeys(key for settings in flat for key in settings))
    differing = [key for key in keys if _is_shown(key) and _differs(key, runs, flat)]
    return [{key.replace(".keywords.", ".", 1): _show(key, settings) for key in differing} for settings in flat]


def compare_runs(runs: Sequence[Run]) -> list[str]:
    """List what a reader of several runs must know before comparing their numbers."""
    notes = []
    if has_different_stops(runs):
        rules = {_describe_stop(run): run.name for run in reversed(runs)}
        described = "; ".join(f"{path}: {rule}" for rule, path in reversed(rules.items()))
        notes.append(f"drops are shares of different clicks, for the stop rules differ ({described})")
    by_dataset: dict[str, Run] = {}
    for (first, *_), *_ in group_comparable(group_repeats(runs)):
        usual = by_dataset.setdefault(first.dataset, first)
        difference = explain_difference(usual, first)
        if difference is not None:
            notes.append(f"{first.name} is not compared with {usual.name}: {difference}")
    return notes


def has_different_stops(runs: Sequence[Run]) -> bool:
    """Return whether objects end after different clicks, so that shares of clicks cannot be compared."""
    return len({_describe_stop(run) for run in runs}) > 1


def _describe_stop(run: Run) -> str:
    protocol = run.protocol
    stop = "no stop" if protocol.stop_iou is None else f"stop at IoU {protocol.stop_iou:g}"
    return f"{stop}, at most {protocol.max_clicks} clicks"


def _is_shown(key: str) -> bool:
    is_name = key.split(".", 1)[-1] == "name"
    return not is_name and not key.startswith(_SHOWN_ELSEWHERE) and key not in _OBJECTS


def _differs(key: str, runs: Sequence[Run], flat: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether two runs of the same thing have different values; the weights belong to the model."""
    part = "model" if key == "weights_sha256" else key.split(".")[0]
    seen: dict[str, list[Any]] = {}
    for run, settings in zip(runs, flat, strict=True):
        described = run.settings.get(part)
        name = str(described.get("name", "")) if isinstance(described, Mapping) else ""
        seen.setdefault(name, []).append(settings.get(key))
    return any(value != values[0] for values in seen.values() for value in values)


def _show(key: str, settings: Mapping[str, Any]) -> Any:
    value = settings.get(key)
    return value[:_HASH_DIGITS] if key.endswith("sha256") and isinstance(value, str) else value


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
