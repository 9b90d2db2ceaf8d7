"""Printing: a name from a file or a server is shown, never obeyed by the terminal, and no character ends a command."""

from __future__ import annotations

import sys

import click


def say(line: object, err: bool = False) -> None:
    """Print one line; characters that are not to be printed, such as escapes and ends of lines, appear as escapes."""
    click.echo(printable(line), err=err)


def printable(text: object) -> str:
    r"""Escape what cannot be printed on one line: `"a\nb"` with an end of line becomes `a\nb` with a backslash."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(text))


def accept_every_character() -> None:
    """Let the streams of this process escape what their encoding cannot write, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
