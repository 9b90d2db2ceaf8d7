"""The files of a run, in a run folder or in a bundle: `run.json` says what was run, `records.jsonl` has its records.

Where several processes evaluate, the first writes `records.jsonl`, the others `records-1.jsonl` and so on; objects that
failed are in `failures.jsonl`, named likewise.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from iis_core.errors import UserError
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.protocols import Protocol, check_rules
from iis_core.evaluation.records import Record
from iis_core.evaluation.settings import GIVEN
from iis_core.files.archives import list_entries, read_entry
from iis_core.files.reading import decode_json, parse_json, read_bytes

FORMAT = 2
RUN, RECORDS, FAILURES = "run.json", "records", "failures"

_Parsed = TypeVar("_Parsed")


def protocol_from_settings(described: Mapping[str, Any]) -> Protocol:
    """Return the protocol that `describe_protocol` described."""
    departures = {rule: tuple(values) for rule, values in described["departures"].items()}
    return Protocol(**{**described, "departures": departures})


def read_description(place: Path) -> dict[str, Any]:
    """Read `run.json`.

    Args:
        place: the run folder or the bundle.

    Raises:
        UserError: there is none, it has another format, or it is damaged.
    """
    file = place / RUN
    if RUN not in _list_names(place):
        kind = "the bundle of a run" if place.is_file() else "a run folder"
        raise UserError(f"{place} is not {kind}: it has no {RUN}")
    content = decode_json(read_file(file), file)
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
    for part in ("model", "dataset"):
        if GIVEN not in settings[part] and not isinstance(settings[part]["keywords"], dict):
            raise ValueError(f"the keywords of the {part} are no keywords")
    if not isinstance(settings["device"], str) or type(settings["seed"]) is not int:
        raise ValueError("device is no text, or seed no number")
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


def read_all_records(place: Path, ids: list[str], protocol: Protocol) -> list[Record]:
    """Read the records of every process; two records of one object are an error.

    Args:
        place: the run folder or the bundle.
        ids: the evaluation list; records of other objects are passed over.
        protocol: the rules of the run.
    """
    places = {name: index for index, name in enumerate(ids)}
    records: dict[str, Record] = {}
    for file in list_files(place, RECORDS):
        with _without_collections():
            found = read_lines(file, lambda line: Record.from_json(line, places, protocol))
        for record in found:
            if record is not None and record.id in records:
                raise UserError(f"{file} is damaged: {record.id} has two records in {place}; remove one of them")
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


def list_files(place: Path, kind: str) -> list[Path]:
    """List the files that processes write, such as `records.jsonl` and `records-1.jsonl` for `"records"`."""
    return sorted(place / name for name in _list_names(place) if re.fullmatch(rf"{kind}(-\d+)?\.jsonl", name))


def read_file(file: Path) -> bytes:
    """Read a file of a run folder or, where it lies in a file, an entry of a bundle; errors as for `read_bytes`."""
    return read_entry(file.parent, file.name) if file.parent.is_file() else read_bytes(file)


def _list_names(place: Path) -> list[str]:
    if place.is_file():
        return list_entries(place)
    return [file.name for file in place.iterdir()] if place.is_dir() else []


def read_lines(file: Path, parse: Callable[[bytes], _Parsed]) -> list[_Parsed]:
    """Parse the lines of a file; the last one is passed over where it has no newline, as a kill may leave it.

    Args:
        file: the file, as for `read_file`.
        parse: parses one line; it raises ValueError where the line is damaged.

    Raises:
        UserError: a line is damaged, or the file cannot be read.
    """
    parsed: list[_Parsed] = []
    for number, line in enumerate(read_file(file).split(b"\n")[:-1], 1):
        try:
            parsed.append(parse(line))
        except ValueError as error:
            remedy = "remove that line and run the same command again"
            raise UserError(f"{file}, line {number} is damaged ({error}): {remedy}") from error
    return parsed


def read_all_failures(place: Path) -> list[Failure]:
    """Read the failures of every process; arguments and errors as for `read_description`."""
    return [failure for file in list_files(place, FAILURES) for failure in read_lines(file, _parse_failure)]


def _parse_failure(line: bytes) -> Failure:
    content = parse_json(line)
    is_failure = isinstance(content, dict) and content.keys() == {"id", "reason"}
    if not is_failure or not all(isinstance(value, str) for value in content.values()):
        raise ValueError("it is no failure with id and reason")
    return Failure(**content)
