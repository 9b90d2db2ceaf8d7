"""Lines `name: what it is` of our docstrings become lists in the API pages."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ARGUMENT = re.compile(r"([a-z]\w*(?:, [a-z]\w*)*): (.*)")


class Arguments(griffe.Extension):
    """Changes docstrings before they are rendered."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = as_lists(obj.docstring.value)


def as_lists(docstring: str) -> str:
    """The docstring with each run of arguments as a Markdown list."""
    lines: list[str] = []
    for line in docstring.splitlines():
        argument = _ARGUMENT.fullmatch(line)
        in_list = bool(lines) and lines[-1].startswith(("- `", "    "))
        if argument:
            names = ", ".join(f"`{name}`" for name in argument[1].split(", "))
            lines += [*([] if in_list or not lines or not lines[-1] else [""]), f"- {names}: {argument[2]}"]
        else:
            lines.append(line)
    return "\n".join(lines)
