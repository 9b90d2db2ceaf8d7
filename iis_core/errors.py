"""The errors of the framework; the command line turns them into one line and an exit status."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class IISError(Exception):
    """Base of every error raised on purpose; the message is one sentence and its remedy."""

    exit_status = 1


class UserError(IISError, ValueError):
    """The request cannot be carried out as asked: a wrong name, keyword, file or value."""

    exit_status = 2


class PluginError(IISError):
    """An installed plugin is at fault: it cannot be imported, built, or breaks the contract."""

    exit_status = 3


class ContractError(PluginError):
    """A model, robot, dataset or selector returned something the contract does not allow."""


@contextmanager
def plugin_call(what: str) -> Iterator[None]:
    """Turn any exception of a plugin's code into a PluginError that says what failed; ours pass through."""
    try:
        yield
    except IISError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{what}: {type(error).__name__}: {error}") from error


def first_line(error: Exception) -> str:
    """The first line of an exception's message, or its class where the message is empty."""
    return str(error).strip().split("\n")[0] or type(error).__name__


def name_of(thing: object) -> str:
    """The catalog name of an object that core loaded; for any other, its attribute `name` or its class."""
    return str(getattr(getattr(thing, "origin", thing), "name", None) or type(thing).__name__)


def near_matches(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'a' or 'b'?"`, or nothing where nothing is near."""
    matches = difflib.get_close_matches(word, list(dict.fromkeys(known)), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, matches))}?" if matches else ""
