"""Runs as read, from a run folder or from a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iis_core.errors import UserError, near_matches
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.protocols import Protocol
from iis_core.evaluation.records import Record
from iis_core.evaluation.run_files import (
    protocol_from_settings,
    read_all_failures,
    read_all_records,
    read_description,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Run:
    """A run; `run["coffee#1"]` is the record of an object.

    Args:
        path: the run folder or the bundle, None for a run in memory.
        settings: what the run depends on.
        ids: the evaluation list, as the ids of its objects in order.
        records: the records so far, in the order of the list.
        failures: the objects that could not be evaluated, in the order of the list.
        provenance: where and how it was begun: `created`, `command`, `machine`, `commits`, `packages`, as far as known.
    """

    path: Path | None
    settings: Mapping[str, Any]
    ids: tuple[str, ...]
    records: tuple[Record, ...]
    failures: tuple[Failure, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run folder or the bundle, or that there is none."""
        return "in memory" if self.path is None else str(self.path)

    @cached_property
    def protocol(self) -> Protocol:
        return protocol_from_settings(self.settings["protocol"])

    @property
    def model(self) -> str:
        return str(self.settings["model"]["name"])

    @property
    def dataset(self) -> str:
        return str(self.settings["dataset"]["name"])

    @property
    def objects(self) -> int:
        """How many objects the whole run has."""
        return len(self.ids)

    @property
    def is_complete(self) -> bool:
        return len(self.records) == self.objects

    @cached_property
    def _by_id(self) -> Mapping[str, Record]:
        return {record.id: record for record in self.records}

    def __getitem__(self, name: str) -> Record:
        """Return the record of an object.

        Args:
            name: the object's id.

        Raises:
            UserError: there is no record of that id; the message says why.
        """
        if name in self._by_id:
            return self._by_id[name]
        reasons = {failure.id: f"it failed: {failure.reason}" for failure in self.failures}
        reason = reasons.get(name) or ("it is not evaluated yet" if name in self.ids else "it is not in the run")
        hint = "" if name in self.ids else near_matches(str(name), self.ids)
        raise UserError(f"{self.name} has no record of {name!r}: {reason}{hint}")

    def __repr__(self) -> str:
        done = f"{len(self.records)} of {self.objects}" if not self.is_complete else str(self.objects)
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<Run {self.name}: {self.model} on {self.dataset} by {self.protocol.label}, {done} objects{failed}>"

    def to_frame(self) -> pd.DataFrame:
        """Return the run as a pandas table with one row per object and click; see `iis_core.frame`."""
        from iis_core.report.frames import frame

        return frame(self)

    def _repr_html_(self) -> str:
        from html import escape

        from iis_core.report.notes import write_notes
        from iis_core.report.table import compute_row

        row = compute_row(self) if self.records else {"run": repr(self)}
        cells = ((key, f"{value:.4g}" if isinstance(value, float) else str(value)) for key, value in row.items())
        lines = [f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in cells]
        notes = [f"<p>{escape(note)}</p>" for note in write_notes(self)]
        return "".join(["<table>", *lines, "</table>", *notes])


def read_run(path: str | Path) -> Run:
    """Read a run folder, finished or not, or the bundle of a run.

    Raises:
        UserError: there is no run, or it is damaged.
    """
    place = Path(path)
    described = read_description(place)
    settings, ids = described["settings"], described["ids"]
    records = read_all_records(place, ids, protocol_from_settings(settings["protocol"]))
    run = sort_run(place, settings, ids, records, read_all_failures(place))
    provenance = {key: value for key, value in described.items() if key not in ("format", "settings", "ids")}
    return replace(run, provenance=provenance)


def sort_run(
    folder: Path | None, settings: Mapping[str, Any], ids: list[str], records: list[Record], failures: list[Failure]
) -> Run:
    """Put records and failures in the order of the list; a failure is past where the object has a record.

    Args:
        folder: the run folder, None for a run in memory.
        settings: what the run depends on.
        ids: the evaluation list.
        records: in any order.
        failures: in any order; of several on one object the last counts.

    Returns:
        The run.
    """
    done = {record.id for record in records}
    failed = {failure.id: failure for failure in failures if failure.id not in done}
    ordered = tuple(sorted(records, key=lambda record: record.index))
    return Run(folder, settings, tuple(ids), ordered, tuple(failed[name] for name in ids if name in failed))
