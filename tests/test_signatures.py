"""Keywords are read from source: right where it settles them, not at all where it does not, and never by running it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iis_core.plugins.signatures import read_keywords

Install = Callable[..., Path]

TARGETS = """
from __future__ import annotations
from functools import cache, wraps
from elsewhere import Base, far
class Own(Base):
    '''A class.

    Args:
        own: its
            own.
        shared: see `Base`.
    '''
    def __init__(self, shared: int, *, own: str = "a", other=3) -> None: pass
class Inherits(Base):
    pass
class Foreign(dict):
    pass
class Made(metaclass=type):
    def __init__(self, a): pass
def plain(a, /, b: int = 1, *, c: float | None = None) -> None:
    '''Do.

    Args:
        a (int): the first: of three
        b: the second
    Returns:
        c: nothing
    '''
@cache
def decorated(a): pass
def open_ended(**keywords): pass
moved = plain
"""
ELSEWHERE = """
class Base:
    '''A base.

    Args:
        shared: what all have.
    '''
    def __init__(self, shared: int = 7) -> None: pass
def far(x=1): pass
raise SystemExit
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Own", "shared: int=None 'what all have.', own: str='a' 'its own.', other: =3 ''"),
        ("Inherits", "shared: int=7 'what all have.'"),
        ("plain", "a: =None 'the first: of three', b: int=1 'the second', c: float | None=None ''"),
        ("far", "x: =1 ''"),
        *((name, None) for name in ("Foreign", "Made", "decorated", "open_ended", "moved", "missing", "a.b")),
    ],
)
def test_keywords_are_read_from_source_where_it_settles_them(install: Install, name: str, expected: str | None) -> None:
    install("iis-source", {}, source_parts=TARGETS, elsewhere=ELSEWHERE)
    found = read_keywords(f"source_parts:{name}")
    said = found and ", ".join(f"{k.name}: {k.type}={k.default} {k.meaning!r}" for k in found.values())
    assert said == expected
    assert "source_parts" not in sys.modules
