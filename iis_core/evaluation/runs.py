"""Runs as read: `run.json` says what was run, `records.jsonl` has one line per object.

Where several processes evaluate, the first writes `records.jsonl`, the others `records-1.jsonl` and so on; objects that
failed are in `failures.jsonl`, named likewise.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from iis_core.errors import UserError, near_matches
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.protocols import Protocol, check_rules
from iis_core.evaluation.records import Record
from iis_core.files.reading import parse_json, read_bytes, read_json

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
RUN, RECORDS, FAILURES = "run.json", "records", "failures"

_Parsed = TypeVar("_Parsed")


@dataclass(frozen=True, repr=False)
class Run:
    """A run; `run["coffee#1"]` is the record of an object.

    Args:
        path: the run folder, None for a run in memory.
        settings: what the run depends on.
        ids: the evaluation list, as the ids of its objects in order.
        records: the records so far, in the order of the list.
        failures: the objects that could not be evaluated, in the order of the list.
    """

    path: Path | None
    settings: Mapping[str, Any]
    ids: tuple[str, ...]
    records: tuple[Record, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def name(self) -> str:
        """The run folder, or that there is none."""
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
    """Read a run folder, finished or not.

    Raises:
        UserError: the folder holds no run, or is damaged.
    """
    folder = Path(path)
    described = read_description(folder)
    records = read_all_records(folder, described["ids"], protocol_from_settings(described["settings"]["protocol"]))
    return sort_run(folder, described["settings"], described["ids"], records, _read_all_failures(folder))


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


def protocol_from_settings(described: Mapping[str, Any]) -> Protocol:
    """Return the protocol that `describe_protocol` described."""
    departures = {rule: tuple(values) for rule, values in described["departures"].items()}
    return Protocol(**{**described, "departures": departures})


def read_description(folder: Path) -> dict[str, Any]:
    """Read `run.json`.

    Raises:
        UserError: there is none, it has another format, or it is damaged.
    """
    file = folder / RUN
    if not file.exists():
        raise UserError(f"{folder} is not a run folder: it has no {RUN}")
    content = read_json(file)
    version = content.get("format") if isinstance(content, dict) else None
    if type(version) is int and version != FORMAT:
        raise UserError(
            f"{file} has format {version}, this version reads format {FORMAT}: evaluate into another folder"
        )
    try:
        return _check_description(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is damaged ({error}): restore it, or evaluate into another folder") from error


def _check_description(content: Any) -> dict[str, Any]:
    """Return what `run.json` holds where every part that is used is there; the errors are those of looking for it."""
    version, ids, settings = content["format"], content["ids"], content["settings"]
    if type(version) is not int:
        raise ValueError(f"its format is {version!r}")
    if not (isinstance(ids, list) and ids and all(isinstance(name, str) for name in ids) and len({*ids}) == len(ids)):
        raise ValueError("ids is no list of different ids")
    for part in ("model", "dataset", "robot"):
        if not isinstance(settings[part]["name"], str):
            raise ValueError(f"the name of the {part} is no text")
    for part, key in (("dataset", "whole"), ("batch_size", None)):
        number = settings[part] if key is None else settings[part][key]
        if type(number) is not int or number < 1:
            raise ValueError(f"{part} has no number but {number!r}")
    protocol = protocol_from_settings(settings["protocol"])
    if not isinstance(protocol.robot_keywords, dict):
        raise ValueError("robot_keywords are no keywords")
    if not all(isinstance(text, str) for text in (protocol.name, protocol.robot, protocol.ignore)):
        raise ValueError("a name in the protocol is no text")
    if not all(len(values) == 2 for values in protocol.departures.values()):
        raise ValueError("a departure of the protocol is no pair of values")
    check_rules(protocol)
    return dict(content)


def read_all_records(folder: Path, ids: list[str], protocol: Protocol) -> list[Record]:
    """Read the records of every process; two records of one object are an error.

    Args:
        folder: the run folder.
        ids: the evaluation list; records of other objects are passed over.
        protocol: the rules of the run.
    """
    places = {name: index for index, name in enumerate(ids)}
    records: dict[str, Record] = {}
    for file in list_files(folder, RECORDS):
        with _without_collections():
            found = read_lines(file, lambda line: Record.from_json(line, places, protocol))
        for record in found:
            if record is not None and record.id in records:
                raise UserError(f"{file} is damaged: {record.id} has two records in {folder}; remove one of them")
            if record is not None:
                records[record.id] = record
    return list(records.values())


@contextmanager
def _without_collections() -> Iterator[None]:
    """Look for no garbage among millions of new objects, of which none is: that takes a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def list_files(folder: Path, kind: str) -> list[Path]:
    """List the files that processes write, such as `records.jsonl` and `records-1.jsonl` for `"records"`."""
    return sorted(file for file in folder.glob(f"{kind}*.jsonl") if re.fullmatch(rf"{kind}(-\d+)?\.jsonl", file.name))


def read_lines(file: Path, parse: Callable[[bytes], _Parsed]) -> list[_Parsed]:
    """Parse the lines of a file; the last one is passed over where it has no newline, as a kill may leave it.

    Args:
        file: the file.
        parse: parses one line; it raises ValueError where the line is damaged.

    Raises:
        UserError: a line is damaged, or the file cannot be read.
    """
    parsed: list[_Parsed] = []
    for number, line in enumerate(read_bytes(file).split(b"\n")[:-1], 1):
        try:
            parsed.append(parse(line))
        except ValueError as error:
            remedy = "remove that line and run the same command again"
            raise UserError(f"{file}, line {number} is damaged ({error}): {remedy}") from error
    return parsed


def _read_all_failures(folder: Path) -> list[Failure]:
    return [failure for file in list_files(folder, FAILURES) for failure in read_lines(file, _parse_failure)]


def _parse_failure(line: bytes) -> Failure:
    content = parse_json(line)
    is_failure = isinstance(content, dict) and content.keys() == {"id", "reason"}
    if not is_failure or not all(isinstance(value, str) for value in content.values()):
        raise ValueError("it is no failure with id and reason")
    return Failure(**content)
