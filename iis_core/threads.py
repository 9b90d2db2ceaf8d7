"""Threads, for work that releases the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def per_element(work: Callable[[int], Result], count: int) -> list[Result]:
    """`[work(0), ..., work(count - 1)]`, in threads where there is more than one."""
    if count == 1:
        return [work(0)]
    with ThreadPoolExecutor(min(count, os.cpu_count() or 1) or 1) as pool:
        return list(pool.map(work, range(count)))


def ahead(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """`work` of every item, in their order; with threads, that many work ahead of the consumer.

    Items are drawn in the consumer's thread, at most twice as many as threads before their result is asked for.
    """
    if threads == 0:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        remaining = iter(items)
        pending: deque[Future[Result]] = deque()
        try:
            pending.extend(pool.submit(work, item) for item in islice(remaining, 2 * threads))
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(work, item) for item in islice(remaining, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()
