"""What a reader must know besides the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iis_core.report.differences import compare_runs
from iis_core.report.estimates import FEWEST_IMAGES
from iis_core.report.statistics import RESAMPLES
from iis_core.report.table import name_entry

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.report.estimates import Report

_SHOWN = 5
"""The largest number of failures to list."""


def write_notes(run: Run) -> list[str]:
    """List what a reader must know besides the numbers: departures, missing objects, a batch size other than 1."""
    notes = []
    for rule, (named, used) in run.protocol.departures.items():
        notes.append(f"{run.protocol.label}: {rule} is {used} instead of {named}")
    if run.protocol.is_replay:
        notes.append(f"no robot watched the model: it was given {run.protocol.robot}")
    if not run.is_complete:
        notes.append(f"unfinished: {len(run.records)} of {run.objects} objects")
    notes += [f"{failure.id} failed: {failure.reason}" for failure in run.failures[:_SHOWN]]
    if len(run.failures) > _SHOWN:
        notes.append(f"{len(run.failures) - _SHOWN} more objects failed")
    whole = run.settings["dataset"]["whole"]
    published = run.settings["dataset"].get("published")
    if run.objects != whole:
        notes.append(f"a part of the dataset: {run.objects} of {whole} objects")
    if published is not None and published != whole:
        notes.append(f"the dataset has {whole} objects here, {published} are published")
    if run.settings["batch_size"] != 1:
        notes.append(f"batch size {run.settings['batch_size']}; reported numbers use 1")
    return notes


def write_shared_notes(report: Report) -> list[str]:
    """List what a reader must know of all runs: what cannot be compared, and what intervals are."""
    entries = [entry for entry in report.entries if entry.stratum is None]
    notes = compare_runs(report.runs)
    for entry in entries:
        if entry.images < FEWEST_IMAGES:
            count = "a single image" if entry.images == 1 else f"{entry.images} images"
            notes.append(f"{name_entry(entry)}: {count}, no intervals: they need {FEWEST_IMAGES}")
    estimates = [estimate for entry in report.entries for estimate in entry.estimates.values()]
    if any(estimate.interval is not None for estimate in estimates):
        notes.append(f"[low, high] is a 95 % interval: images drawn again, {RESAMPLES} times")
    if any(estimate.measure.spread is not None for estimate in estimates):
        notes.append("\N{PLUS-MINUS SIGN} is the standard deviation between seeds")
    return notes
