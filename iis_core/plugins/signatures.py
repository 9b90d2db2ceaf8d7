"""Reading the keywords of a target from its source, so that neither it nor what it imports is run."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from iis_core.files.reading import read_bytes

_ENTRY = re.compile(r"(\w+)(?: *\([^)]*\))?: *(.*)")
_REFERENCE = re.compile(r"see `\w+`\.?")
_WITHOUT_KEYWORDS = ("object", "ABC", "Generic", "Protocol")


@dataclass(frozen=True)
class Keyword:
    """A keyword of a target.

    Args:
        name: its name.
        type: its annotation as written, empty without one.
        default: its default as written, None where it must be given.
        meaning: what the target's docstring says of it, empty where that says nothing.
    """

    name: str
    type: str
    default: str | None
    meaning: str


def read_keywords(import_path: str) -> Mapping[str, Keyword] | None:
    """Read the keywords of a function or class from its source.

    Args:
        import_path: `"package.module:name"`.

    Returns:
        The keywords by name; None where the source does not settle them: it is not Python, or there is a decorator, a
        metaclass, `**keywords`, a base class that is not found.
    """
    module, _, name = import_path.partition(":")
    try:
        return _read_definition(*_find(module, name))
    except (_UnsettledError, ImportError, SyntaxError, ValueError, RecursionError):
        return None


def inspect_keywords(target: Callable[..., Any]) -> Mapping[str, Keyword]:
    """Read the keywords of an imported function or class, as `read_keywords` does.

    Raises:
        TypeError: it cannot be called.
        ValueError: it does not say what it takes.
    """
    meanings = read_meanings(inspect.getdoc(target) or "")
    return {
        name: Keyword(
            name,
            _write_annotation(parameter.annotation),
            None if parameter.default is parameter.empty else repr(parameter.default),
            meanings.get(name, ""),
        )
        for name, parameter in inspect.signature(target).parameters.items()
    }


def _write_annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def read_meanings(docstring: str) -> dict[str, str]:
    """Read the section `Args` of a docstring in Google style: what it says of every keyword, in one line."""
    meanings: dict[str, str] = {}
    name = ""
    for line in _list_lines(inspect.cleandoc(docstring), "Args:"):
        entry = _ENTRY.fullmatch(line)
        if entry:
            name = entry[1]
            meanings[name] = entry[2]
        elif name:
            meanings[name] = f"{meanings[name]} {line.strip()}".strip()
    return meanings


def _list_lines(docstring: str, title: str) -> Iterator[str]:
    """Yield the lines of a section of a docstring, its entries without indentation."""
    inside, indentation = False, ""
    for line in filter(str.strip, docstring.split("\n")):
        if not line[0].isspace():
            inside, indentation = line.strip() == title, ""
        elif inside:
            indentation = indentation or line[: len(line) - len(line.lstrip())]
            yield line.removeprefix(indentation)


class _UnsettledError(Exception):
    """The source does not settle what a target takes."""


_Definition = ast.FunctionDef | ast.ClassDef


def _read_definition(module: str, node: _Definition) -> dict[str, Keyword]:
    return _read_function(node) if isinstance(node, ast.FunctionDef) else _read_class(module, node)


def _read_function(node: ast.FunctionDef, skipped: int = 0) -> dict[str, Keyword]:
    """Read the keywords of a function without its first `skipped` arguments."""
    given = node.args
    if node.decorator_list or given.kwarg or given.vararg:
        raise _UnsettledError
    arguments = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(arguments) - len(given.defaults)), *given.defaults, *given.kw_defaults]
    pairs = list(zip([*arguments, *given.kwonlyargs], defaults, strict=True))[skipped:]
    meanings = read_meanings(ast.get_docstring(node) or "")
    return {
        argument.arg: Keyword(
            argument.arg,
            ast.unparse(argument.annotation) if argument.annotation else "",
            None if default is None else ast.unparse(default),
            meanings.get(argument.arg, ""),
        )
        for argument, default in pairs
    }


def _read_class(module: str, node: ast.ClassDef) -> dict[str, Keyword]:
    """Read the keywords of the constructor, with what the docstrings of the class and of its bases say of them."""
    methods = {entry.name: entry for entry in node.body if isinstance(entry, ast.FunctionDef)}
    if node.decorator_list or node.keywords or "__new__" in methods:
        raise _UnsettledError
    inherited: dict[str, Keyword] = {}
    try:
        for base in reversed(node.bases):
            inherited |= _read_base(module, base)
    except _UnsettledError:
        if "__init__" not in methods:
            raise
    own = _read_function(methods["__init__"], skipped=1) if "__init__" in methods else inherited
    said = read_meanings(ast.get_docstring(node) or "")
    return {name: _explain(keyword, said.get(name, ""), inherited.get(name)) for name, keyword in own.items()}


def _explain(keyword: Keyword, said: str, inherited: Keyword | None) -> Keyword:
    """Take the meaning from a class's docstring, or from its base's where that says nothing or refers to it."""
    own = keyword.meaning or said
    if inherited is not None and (not own or _REFERENCE.fullmatch(own)):
        own = inherited.meaning
    return replace(keyword, meaning=own)


def _read_base(module: str, base: ast.expr) -> dict[str, Keyword]:
    name = base.value if isinstance(base, ast.Subscript) else base
    if not isinstance(name, ast.Name):
        raise _UnsettledError
    return {} if name.id in _WITHOUT_KEYWORDS else _read_definition(*_find(module, name.id))


def _find(module: str, name: str) -> tuple[str, _Definition]:
    """Find a definition at the top of a module, or in the one that the module has it from, and where it is."""
    package, nodes = _parse(module)
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.ClassDef() if node.name == name:
                return module, node
            case ast.ImportFrom():
                source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return _find(source, alias.name)
            case ast.Assign() if any(isinstance(bound, ast.Name) and bound.id == name for bound in node.targets):
                raise _UnsettledError
    raise _UnsettledError


@cache
def _parse(module: str) -> tuple[str, list[ast.stmt]]:
    """Return the package of a module and its statements, the last first, those of its stub at the end."""
    found = _locate(module)
    if not (found.origin and found.origin.endswith(".py")):
        raise _UnsettledError
    files = [file for file in (Path(found.origin), Path(found.origin).with_suffix(".pyi")) if file.is_file()]
    nodes = [node for file in files for node in reversed(ast.parse(read_bytes(file)).body)]
    return (module if found.submodule_search_locations else module.rpartition(".")[0]), nodes


def _locate(module: str) -> ModuleSpec:
    """Find a module's file without running the packages that it is in."""
    first, *rest = module.split(".")
    found = importlib.util.find_spec(first)
    name = first
    for part in rest:
        name = f"{name}.{part}"
        found = found and PathFinder.find_spec(name, found.submodule_search_locations)
    if found is None:
        raise _UnsettledError
    return found
