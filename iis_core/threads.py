"""Threads over the elements of a batch, for work that releases the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def per_element(work: Callable[[int], Result], count: int) -> list[Result]:
    """`[work(0), ..., work(count - 1)]`, in threads where there is more than one."""
    if count == 1:
        return [work(0)]
    with ThreadPoolExecutor(min(count, os.cpu_count() or 1) or 1) as pool:
        return list(pool.map(work, range(count)))
