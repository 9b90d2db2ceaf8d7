"""What a line of a records file must hold to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from iis_core.evaluation.protocols import Protocol
from iis_core.types import Counts

_KEYS = frozenset(
    ("id", "path", "object_id", "shape", "initial", "initial_boundary", "clicks", "end", "reading", "encoding")
)
_CLICK_KEYS = frozenset(("number", "row", "col", "positive", "counts", "boundary", "seconds"))
_LARGEST_IMAGE = 1 << 32
_STAGES = frozenset(("model", "robot"))


def check_record(content: Any, protocol: Protocol) -> None:
    """Check what a line holds: types, ranges, and what must be true of every interaction under a protocol.

    Args:
        content: the line as parsed.
        protocol: the rules of the run.

    Raises:
        ValueError: something is wrong; the message says what.
    """
    _check_keys("it", content, _KEYS)
    for key in ("id", "path"):
        _check(isinstance(content[key], str), f"{key} is no text")
    _check(content["id"] != "", "id is empty")
    _check(content["object_id"] is None or _is_int(content["object_id"]), "object_id is no integer")
    for key in ("reading", "encoding"):
        _check(_is_duration(content[key]), f"{key} is no number of seconds")
    shape, clicks = content["shape"], content["clicks"]
    _check(_are_ints(shape, 2, least=1), "shape is not [height, width]")
    _check(shape[0] * shape[1] <= _LARGEST_IMAGE, "shape is larger than an image can be")
    _check(isinstance(clicks, list), "clicks is no list")
    for number, click in enumerate(clicks, 1):
        _check_click(number, click, shape)
    first = {"counts": content["initial"], "boundary": content["initial_boundary"]}
    _check_counts([first, *clicks], shape)
    _check_end(content["end"], [Counts(*click["counts"]) for click in clicks], protocol)


def _check_click(number: int, click: Any, shape: Sequence[int]) -> None:
    name = f"click {number}"
    _check_keys(name, click, _CLICK_KEYS)
    _check(_is_int(click["number"]) and click["number"] == number, f"{name} has the number {click['number']}")
    _check(isinstance(click["positive"], bool), f"{name}: positive is neither true nor false")
    for key, size in zip(("row", "col"), shape, strict=True):
        _check(_is_int(click[key]) and 0 <= click[key] < size, f"{name}: {key} {click[key]} is not in the image")
    stages = _STAGES | {"initialize"} if number == 1 else _STAGES
    _check_keys(f"{name}: seconds", click["seconds"], stages)
    _check(all(map(_is_duration, click["seconds"].values())), f"{name}: seconds are no numbers of seconds")


def _check_counts(states: Sequence[Mapping[str, Any]], shape: Sequence[int]) -> None:
    """Check the counts before the first click and after each: the target is the same in all of them."""
    for number, state in enumerate(states):
        name = f"counts after {number} clicks"
        for key in ("counts", "boundary"):
            _check(_are_ints(state[key], 3, least=0), f"{name}: {key} is not [tp, fp, fn]")
            _check(sum(state[key]) <= shape[0] * shape[1], f"{name}: {key} has more pixels than the image")
        whole, boundary = Counts(*state["counts"]), Counts(*state["boundary"])
        within = (
            boundary.tp <= whole.tp
            and boundary.tp + boundary.fp <= whole.tp + whole.fp
            and boundary.tp + boundary.fn <= whole.tp + whole.fn
        )
        _check(within, f"{name}: the boundary has more pixels than the mask")
        _check(whole.tp + whole.fn > 0, f"{name}: the object has no pixels")
    for key in ("counts", "boundary"):
        sizes = {state[key][0] + state[key][2] for state in states}
        _check(len(sizes) == 1, f"{key}: tp + fn, the size of the object, changes between clicks")


def _check_end(end: Any, counts: Sequence[Counts], protocol: Protocol) -> None:
    """Check that the interaction ended when the protocol ends it, and for the reason that is given."""
    reached = [number for number, each in enumerate(counts, 1) if protocol.is_reached(each.tp, each.union)]
    used_up = len(counts) == protocol.max_clicks
    true_end = "stop_iou" if reached else "max_clicks" if used_up else "no_click"
    _check(len(counts) <= protocol.max_clicks, f"{len(counts)} clicks, but the protocol has {protocol.max_clicks}")
    _check(reached in ([], [len(counts)]), f"there are clicks after click {reached[:1]}, which reached the stop IoU")
    _check(end == true_end, f"end is {end!r}, but the clicks end with {true_end!r}")


def _check(holds: bool, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)


def _check_keys(name: str, content: Any, keys: frozenset[str]) -> None:
    _check(isinstance(content, dict), f"{name} is no object of keys and values")
    wrong = sorted(content.keys() ^ keys)
    _check(not wrong, f"{name}: {', '.join(wrong)} is {'missing' if {*wrong} & keys else 'unknown'}")


def _is_int(value: Any) -> bool:
    return type(value) is int


def _are_ints(values: Any, count: int, least: int) -> bool:
    return isinstance(values, list) and len(values) == count and all(_is_int(each) and each >= least for each in values)


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < inf
