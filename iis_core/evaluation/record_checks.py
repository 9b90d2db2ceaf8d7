"""What a line of a records file must hold to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from iis_core.evaluation.protocols import Protocol
from iis_core.types import Counts

_KEYS = frozenset(
    ("id", "path", "object_id", "shape", "initial", "initial_boundary", "clicks", "end", "reading", "encoding")
)
_OPTIONAL_KEYS = frozenset(("facts",))
_CLICK_KEYS = frozenset(("number", "row", "col", "positive", "counts", "boundary", "seconds"))
_OPTIONAL_CLICK_KEYS = frozenset(("violated",))
"""The optional keys are not in records that older versions wrote."""

_STAGES = frozenset(("model", "robot"))
_FIRST_STAGES = _STAGES | {"initialize"}
_LARGEST_IMAGE = 1 << 32


def check_record(content: Any, protocol: Protocol) -> None:
    """Check what a line holds: types, ranges, and what must be true of every interaction under a protocol.

    Args:
        content: the line as parsed.
        protocol: the rules of the run.

    Raises:
        ValueError: something is wrong; the message says what.
    """
    _check_keys("it", content, _KEYS, _OPTIONAL_KEYS)
    _check(isinstance(content["id"], str) and content["id"] != "", "id is no text")
    _check(isinstance(content["path"], str), "path is no text")
    _check(content["object_id"] is None or type(content["object_id"]) is int, "object_id is no integer")
    _check(_is_duration(content["reading"]), "reading is no number of seconds")
    _check(_is_duration(content["encoding"]), "encoding is no number of seconds")
    shape, clicks = content["shape"], content["clicks"]
    _check(_are_ints(shape, 2, least=1), "shape is not [height, width]")
    _check(shape[0] * shape[1] <= _LARGEST_IMAGE, "shape is larger than an image can be")
    _check(isinstance(clicks, list), "clicks is no list")
    for number, click in enumerate(clicks, 1):
        _check_click(number, click, shape)
    first = {"counts": content["initial"], "boundary": content["initial_boundary"]}
    _check_counts([first, *clicks], shape)
    _check_facts(content.get("facts", {}))
    _check_end(content["end"], [Counts(*click["counts"]) for click in clicks], protocol)


def _check_click(number: int, click: Any, shape: Sequence[int]) -> None:
    _check_keys("click {}", click, _CLICK_KEYS, _OPTIONAL_CLICK_KEYS, number)
    _check(type(click["number"]) is int and click["number"] == number, "click {} has another number", number)
    _check(isinstance(click["positive"], bool), "click {}: positive is neither true nor false", number)
    _check(type(click["row"]) is int and 0 <= click["row"] < shape[0], "click {}: row is not in the image", number)
    _check(type(click["col"]) is int and 0 <= click["col"] < shape[1], "click {}: col is not in the image", number)
    stages = _FIRST_STAGES if number == 1 else _STAGES
    _check_keys("click {}: seconds", click["seconds"], stages, frozenset(), number)
    _check(all(map(_is_duration, click["seconds"].values())), "click {}: seconds are no numbers", number)
    is_told = "violated" not in click or _are_numbers(click["violated"], number)
    _check(is_told, "click {}: violated are no numbers of clicks", number)


def _check_counts(states: Sequence[Mapping[str, Any]], shape: Sequence[int]) -> None:
    """Check the counts before the first click and after each: the target is the same in all of them."""
    pixels = shape[0] * shape[1]
    for made, state in enumerate(states):
        for key in ("counts", "boundary"):
            _check(_are_ints(state[key], 3, least=0), "after {} clicks {} is not [tp, fp, fn]", made, key)
            _check(sum(state[key]) <= pixels, "after {} clicks {} has more pixels than the image", made, key)
        (tp, fp, fn), (own_tp, own_fp, own_fn) = state["counts"], state["boundary"]
        within = own_tp <= tp and own_tp + own_fp <= tp + fp and own_tp + own_fn <= tp + fn
        _check(within, "after {} clicks the boundary has more pixels than the mask", made)
        _check(tp + fn > 0, "after {} clicks the object has no pixels", made)
    for key in ("counts", "boundary"):
        sizes = {state[key][0] + state[key][2] for state in states}
        _check(len(sizes) == 1, "{}: tp + fn, the size of the object, changes between clicks", key)


def _check_facts(facts: Any) -> None:
    _check(isinstance(facts, dict), "facts is no object of keys and values")
    for name, value in facts.items():
        is_fact = isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value))
        _check(is_fact, "the fact {} is neither number nor text", name)
        is_count = name not in ("components", "border") or (type(value) is int and value > 0)
        _check(is_count, "the fact {} is no number above 0", name)


def _check_end(end: Any, counts: Sequence[Counts], protocol: Protocol) -> None:
    """Check that the interaction ended when the protocol ends it, and for the reason that is given."""
    made = len(counts)
    reached = [number for number, each in enumerate(counts, 1) if protocol.is_reached(each.tp, each.union)]
    true_end = "stop_iou" if reached else "max_clicks" if made == protocol.max_clicks else "no_click"
    true_end = "recording" if protocol.is_replay else true_end
    _check(made <= protocol.max_clicks, "{} clicks, but the protocol has {}", made, protocol.max_clicks)
    _check(reached in ([], [made]), "there are clicks after one that reached the stop IoU")
    _check(end == true_end, "end is {!r}, but the clicks end with {!r}", end, true_end)


def _check(holds: bool, complaint: str, *parts: Any) -> None:
    # There are millions of checks in a large run: the message is put together only where it is needed.
    if not holds:
        raise ValueError(complaint.format(*parts))


def _check_keys(name: str, content: Any, keys: frozenset[str], optional: frozenset[str], *parts: Any) -> None:
    _check(isinstance(content, dict), name + " is no object of keys and values", *parts)
    if content.keys() != keys and content.keys() - optional != keys:
        wrong = sorted((content.keys() - optional) ^ keys)
        kind = "missing" if keys - content.keys() else "unknown"
        raise ValueError(f"{name.format(*parts)}: {', '.join(wrong)} is {kind}")


def _are_ints(values: Any, count: int, least: int) -> bool:
    return isinstance(values, list) and [*map(type, values)] == [int] * count and min(values) >= least


def _are_numbers(values: Any, last: int) -> bool:
    """Return whether these are numbers of clicks up to the last one, in order."""
    if not isinstance(values, list):
        return False
    return all(type(value) is int and 1 <= value <= last for value in values) and values == sorted({*values})


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < inf
