"""Edited records and descriptions: none is believed that no evaluation can have written, and none ends raw."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_runs import essence, run

from iis_core import UserError, read_run

Edit = Callable[[dict[str, Any]], Any]

KEYS = ("id", "path", "object_id", "shape", "initial", "initial_boundary", "clicks", "end", "reading", "encoding")
CLICK_KEYS = ("number", "row", "col", "positive", "counts", "boundary", "seconds")
STRANGE: dict[str, Any] = {
    "nothing": None, "text": "1", "a list": [1], "a dict": {"a": 1}, "NaN": float("nan"), "infinity": float("inf"),
    "a fraction": 0.5, "a negative": -1, "a huge one": 10**30, "true": True,
}  # fmt: skip


def put(*path: Any, value: Any) -> Edit:
    def edit(record: dict[str, Any]) -> None:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return edit


def drop(*path: Any) -> Edit:
    def edit(record: dict[str, Any]) -> None:
        place: Any = record
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return edit


def may_be(kind: str, key: str) -> bool:
    """Whether a strange value of this kind could be right for a key."""
    numbers = {"reading", "encoding", "seconds"}
    return (
        (key in numbers and kind in ("a fraction", "a huge one"))
        or (key in ("id", "path") and kind == "text")
        or (key == "object_id" and kind in ("nothing", "a negative", "a huge one"))
        or (key == "positive" and kind == "true")
    )


def edits() -> Iterator[tuple[str, Edit]]:
    """Edits of a record of 20 clicks, as many as the protocol has."""
    for key in KEYS:
        yield f"without {key}", drop(key)
        for kind, value in STRANGE.items():
            if not may_be(kind, key):
                yield f"{key} is {kind}", put(key, value=value)
    for key in CLICK_KEYS:
        yield f"click without {key}", drop("clicks", 1, key)
        for kind, value in STRANGE.items():
            if not may_be(kind, key) or key == "seconds":
                yield f"click's {key} is {kind}", put("clicks", 1, key, value=value)
    for kind, value in STRANGE.items():
        for place in (("initial", 1), ("clicks", 1, "counts", 1), ("clicks", 1, "boundary", 2), ("shape", 0)):
            yield f"{place} is {kind}", put(*place, value=value)
        if not may_be(kind, "seconds"):
            yield f"seconds are {kind}", put("clicks", 1, "seconds", "model", value=value)
    for kind, value in STRANGE.items():
        if kind != "a dict":
            yield f"facts is {kind}", put("facts", value=value)
            yield f"violated is {kind}", put("clicks", 0, "violated", value=[2] if kind == "a list" else value)
        if kind != "a huge one":
            yield f"border is {kind}", put("facts", "border", value=value)
        yield f"violated has {kind}", put("clicks", 1, "violated", value=[value])
    yield "violated twice", put("clicks", 1, "violated", value=[1, 1])
    yield "a fact that is none", put("facts", "class", value=[])
    yield "an unknown key", put("index", value=999)
    yield "an unknown key of a click", put("clicks", 0, "sign", value=1)
    yield "an unknown stage", put("clicks", 1, "seconds", "initialize", value=0.0)
    yield "a stage missing", drop("clicks", 0, "seconds", "initialize")
    yield "a click missing", lambda record: record["clicks"].pop(1)
    yield "the first click missing", lambda record: record["clicks"].pop(0)
    yield "the last click missing", lambda record: record["clicks"].pop()
    yield "all clicks missing", lambda record: record["clicks"].clear()
    yield "a click twice", lambda record: record["clicks"].insert(1, copy.deepcopy(record["clicks"][1]))
    yield "clicks in another order", lambda record: record["clicks"].reverse()
    yield (
        "a click too many",
        lambda record: record["clicks"].append(
            {**copy.deepcopy(record["clicks"][-1]), "number": len(record["clicks"]) + 1}
        ),
    )
    yield "a row below the image", lambda record: put("clicks", 0, "row", value=record["shape"][0])(record)
    yield "a column beside the image", lambda record: put("clicks", 0, "col", value=record["shape"][1])(record)
    yield "more pixels than the image", put("clicks", 1, "counts", value=[1000, 1000, 1000])
    yield "a larger boundary than the mask", put("initial_boundary", value=[0, 0, 900])
    yield "another target after a click", put("clicks", 1, "counts", value=[1, 0, 0])
    yield "no target", put("initial", value=[0, 3, 0])
    yield "a perfect first click", lambda record: put("clicks", 0, "counts", value=[record["initial"][2], 0, 0])(record)
    yield "two counts", put("initial", value=[0, 1])
    yield "four counts", put("initial", value=[0, 1, 1, 1])
    yield "another end", put("end", value="stop_iou")
    yield "no end", put("end", value="no_click")
    yield "an end that is none", put("end", value="bored")
    yield "an empty id", put("id", value="")
    yield "the id of another object", put("id", value="shape2")
    yield "a smaller image", put("shape", value=[1, 1])


ALL = dict(edits())


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    folder = tmp_path_factory.mktemp("edited") / "run"
    run(folder)
    return folder, (folder / "records.jsonl").read_bytes().splitlines(keepends=True)


def refused(folder: Path) -> str:
    """The message with which both reading and resuming refuse the run."""
    before = (folder / "records.jsonl").read_bytes()
    with pytest.raises(UserError) as read:
        read_run(folder)
    with pytest.raises(UserError) as resumed:
        run(folder)
    assert str(read.value) == str(resumed.value)
    assert (folder / "records.jsonl").read_bytes() == before
    return str(read.value)


def test_there_are_many_edits() -> None:
    assert len(ALL) >= 58


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("last", [False, True])
def test_an_edited_record_is_refused(name: str, last: bool, lines: tuple[Path, list[bytes]]) -> None:
    folder, (first, *others) = lines
    record = json.loads(first)
    assert record["id"] == "shape0#1"
    assert record["end"] == "max_clicks"
    ALL[name](record)
    edited = json.dumps(record).encode() + b"\n"
    (folder / "records.jsonl").write_bytes(b"".join([*others, edited] if last else [edited, *others]))
    message = refused(folder)
    assert "records.jsonl" in message
    assert "is damaged" in message
    assert f"line {8 if last else 1} is damaged" in message or "has two records" in message


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b"1", b'"a"', b"\x00" * 40, b"\xff\xfe", b"{}", b"[" * 100_000, b"9" * 5000]
)
@pytest.mark.parametrize("last", [False, True])
def test_an_unreadable_line_is_refused_wherever_it_is(line: bytes, last: bool, lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    bad = line + b"\n"
    (folder / "records.jsonl").write_bytes(b"".join([*whole, bad] if last else [bad, *whole]))
    assert f"line {9 if last else 1} is damaged" in refused(folder)


@pytest.mark.parametrize(
    "edit",
    [
        put("end", value="max_clicks"),
        put("end", value="no_click"),
        drop("clicks", 0),
        lambda record: put("clicks", 0, "counts", value=record["initial"])(record),
        lambda record: record["clicks"].append({**record["clicks"][0], "number": 2}),
    ],
)
def test_an_edited_record_of_an_object_that_reached_the_stop_is_refused(
    edit: Edit, lines: tuple[Path, list[bytes]]
) -> None:
    folder, whole = lines
    record = json.loads(whole[6])
    assert (record["id"], record["end"], len(record["clicks"])) == ("shape4", "stop_iou", 1)
    edit(record)
    (folder / "records.jsonl").write_bytes(b"".join([*whole[:6], json.dumps(record).encode() + b"\n", whole[7]]))
    assert "line 7 is damaged" in refused(folder)


def test_a_damaged_whole_line_is_never_cut_off_but_a_torn_one_is(lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    (folder / "records.jsonl").write_bytes(b"".join(whole[:-1]) + whole[-1][:30])
    assert len(read_run(folder).records) == 7
    assert len(run(folder).records) == 8
    (folder / "records.jsonl").write_bytes(b"".join(whole[:-1]) + whole[-1][:30] + b"\n")
    assert "line 8 is damaged" in refused(folder)


def test_a_record_written_by_hand_as_an_evaluation_writes_it_is_believed(lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    (folder / "records.jsonl").write_bytes(b"".join(whole))
    before = essence(read_run(folder))
    spaced = [json.dumps(json.loads(line), separators=(" ,  ", " : ")).encode() + b"\r\n" for line in whole]
    (folder / "records.jsonl").write_bytes(b"".join(reversed(spaced)))
    assert essence(read_run(folder)) == before


def test_a_record_of_an_older_version_is_read_and_stays_as_it_is(lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    (folder / "records.jsonl").write_bytes(b"".join(whole))
    new = read_run(folder)
    older = [json.loads(line) for line in whole]
    for record in older:
        del record["facts"]
        for click in record["clicks"]:
            del click["violated"]
    (folder / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in older))
    old = read_run(folder)
    assert [json.loads(record.to_json()) for record in old.records] == older
    assert {record.facts for record in old.records} == {None}
    assert [record.initial for record in old.records] == [record.initial for record in new.records]


DESCRIBED: dict[str, Edit] = {
    f"{'.'.join(path)} is {kind}": put(*path, value=value)
    for path in (
        ("ids",),
        ("settings",),
        ("settings", "model"),
        ("settings", "model", "name"),
        ("settings", "dataset"),
        ("settings", "dataset", "whole"),
        ("settings", "robot"),
        ("settings", "protocol"),
        ("settings", "protocol", "threshold"),
        ("settings", "protocol", "max_clicks"),
        ("settings", "protocol", "stop_iou"),
        ("settings", "protocol", "inclusive"),
        ("settings", "protocol", "departures"),
        ("settings", "protocol", "robot_keywords"),
        ("settings", "batch_size"),
        ("format",),
    )
    for kind, value in STRANGE.items()
    if not (path[-1] == "ids" and kind == "a list")
    and not (path[-1] in ("threshold", "stop_iou") and kind in ("a fraction", "nothing"))
    and not (path[-1] == "inclusive" and kind == "true")
    and not (path[-1] == "robot_keywords" and kind == "a dict")
    and not (path[-1] == "name" and kind == "text")
    and not (path[-1] in ("whole", "max_clicks", "batch_size") and kind == "a huge one")
}


@pytest.mark.parametrize("name", DESCRIBED)
def test_an_edited_description_is_refused(name: str, lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    (folder / "records.jsonl").write_bytes(b"".join(whole))
    original = (folder / "run.json").read_bytes()
    description = json.loads(original)
    DESCRIBED[name](description)
    (folder / "run.json").write_text(json.dumps(description))
    try:
        refused(folder)
    finally:
        (folder / "run.json").write_bytes(original)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"{", b'{"id": 1, "reason": "r"}', b'{"id": "a"}', b"\xff"])
def test_an_edited_failure_is_refused(line: bytes, lines: tuple[Path, list[bytes]]) -> None:
    folder, whole = lines
    (folder / "records.jsonl").write_bytes(b"".join(whole))
    (folder / "failures.jsonl").write_bytes(line + b"\n")
    try:
        with pytest.raises(UserError, match=r"failures\.jsonl, line 1 is damaged"):
            read_run(folder)
    finally:
        (folder / "failures.jsonl").unlink()
