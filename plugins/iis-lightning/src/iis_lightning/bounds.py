"""Bounds on YAML that somebody else wrote: it is measured before it is built, so that nothing in it can explode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from iis_core import UserError

LARGEST = 1 << 20
"""The largest file, in bytes."""

_MOST_VALUES, _DEEPEST, _LARGEST_EXPANDED = 100_000, 50, 1 << 20
_REFERENCE = re.compile(r"\$\{([A-Za-z_][\w.]*)\}")


def check_structure(text: str) -> None:
    """Check that YAML stays small once its aliases are written out.

    Args:
        text: the YAML.

    Raises:
        UserError: it has too many values, nests too deeply or holds itself.
        yaml.YAMLError: it is no YAML.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        count = 0 if root is None else _count_values(root, {}, ())
    except RecursionError:
        raise UserError("it nests too deeply") from None
    if count > _MOST_VALUES:
        raise UserError(f"its aliases stand for {count} values, more than the {_MOST_VALUES} that are taken")


def _count_values(node: yaml.Node, counted: dict[int, int], above: tuple[int, ...]) -> int:
    """Count a node and what is in it, each alias as often as it is used."""
    if id(node) in above:
        raise UserError("it has an alias within what the alias stands for")
    if len(above) >= _DEEPEST:
        raise UserError(f"it nests deeper than {_DEEPEST} levels")
    if id(node) not in counted:
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        inner = [part for entry in parts for part in (entry if isinstance(entry, tuple) else (entry,))]
        counted[id(node)] = 1 + sum(_count_values(part, counted, (*above, id(node))) for part in inner)
    return counted[id(node)]


def check_references(values: Any) -> None:
    """Check that references are plain: `${KEY}`, the value of another key.

    Nothing of the machine, such as an environment variable, can be read with them, and nothing grows without bound.

    Args:
        values: dictionaries and lists, with references as they were written.

    Raises:
        UserError: a reference is of another kind, or all of them together become too large.
    """
    sizes: dict[str, int] = {}
    expanded = 0
    for place, text in _list_strings(values):
        if "${" in _REFERENCE.sub("", text):
            raise UserError(
                f"{place}: {text[:100]!r} is not taken, only ${{KEY}} for the value of another key: give what comes "
                f"from the environment on the command line, {place}=..."
            )
        for key in _REFERENCE.findall(text):
            if key not in sizes:
                sizes[key] = _measure_target(values, key, place)
            expanded += sizes[key]
    if expanded > _LARGEST_EXPANDED:
        raise UserError(f"its references ${{KEY}} stand for {expanded} characters: write the values themselves")


def _measure_target(values: Any, key: str, place: str) -> int:
    target = values
    for part in key.split("."):
        target = target.get(part) if isinstance(target, Mapping) else None
    written = str(target)
    if "${" in written:
        raise UserError(f"{place} refers to {key}, which refers to another key: write the value itself")
    return len(written)


def _list_strings(values: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """List the strings in dictionaries and lists, keys among them, each with its dotted key."""
    if isinstance(values, str):
        yield place, values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            inner = f"{place}.{key}" if place else str(key)
            yield inner, str(key)
            yield from _list_strings(value, inner)
    elif isinstance(values, list):
        for number, value in enumerate(values):
            yield from _list_strings(value, f"{place}[{number}]")
