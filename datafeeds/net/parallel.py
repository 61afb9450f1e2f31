"""Work of many threads, handed out in order, with a bounded number of results waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["in_order"]

A = TypeVar("A")
B = TypeVar("B")


def in_order(
    work: Callable[[A], B],
    items: Iterable[A],
    workers: int,
    *,
    ahead: int | None = None,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[B]:
    """``work`` of each of ``items``, in their order, done by so many threads; at most ``ahead`` results wait, by
    default four of each thread.

    The first error, or the end of whoever consumes the results, calls ``stop``, which should end what is under way, and
    no further item is begun.
    """
    coming = iter(items)
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            waiting.extend(pool.submit(work, item) for item in islice(coming, ahead or 4 * workers))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(coming, 1))
                yield result
        except BaseException:
            stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
