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
    """Call a function for every element of a batch, in threads where there is more than one.

    Args:
        work: the function, called with the index of an element.
        count: the number of elements.

    Returns:
        `[work(0), ..., work(count - 1)]`.
    """
    if count == 1:
        return [work(0)]
    with ThreadPoolExecutor(min(count, os.cpu_count() or 1) or 1) as pool:
        return list(pool.map(work, range(count)))


def ahead(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Call a function for every item, in threads that work ahead of the consumer.

    Items are taken in the consumer's thread, at most twice as many as there are threads before their results are asked
    for.

    Args:
        work: the function.
        items: its arguments.
        threads: the number of threads; 0 calls the function in the consumer's thread, when a result is asked for.

    Yields:
        The results, in the order of the items.
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
