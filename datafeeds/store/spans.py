"""Half-open spans of time [start, end) in int64 nanoseconds: sorted, apart from each other, none of them empty."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Spans", "clipped", "contains", "length", "shared", "united", "without"]

Spans = tuple[tuple[int, int], ...]


def united(spans: Iterable[tuple[int, int]]) -> Spans:
    """All that is in any of ``spans``, which may overlap and stand in any order."""
    found: list[tuple[int, int]] = []
    for start, end in sorted((int(start), int(end)) for start, end in spans if start < end):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def without(spans: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Spans:
    """What is in ``spans`` and not in ``taken``."""
    holes = united(taken)
    found = []
    first = 0
    for start, end in united(spans):
        here = start
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        for hole in holes[first:]:
            if hole[0] >= end:
                break
            if here < hole[0]:
                found.append((here, hole[0]))
            here = max(here, hole[1])
        if here < end:
            found.append((here, end))
    return tuple(found)


def shared(spans: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]]) -> Spans:
    """What is in both."""
    kept = united(spans)
    return without(kept, without(kept, others))


def clipped(spans: Iterable[tuple[int, int]], start: int, end: int) -> Spans:
    """The part of ``spans`` from ``start`` to ``end``."""
    return united((max(a, start), min(b, end)) for a, b in spans)


def contains(spans: Iterable[tuple[int, int]], time: int) -> bool:
    """Whether ``time`` is in one of them."""
    return any(start <= time < end for start, end in spans)


def length(spans: Iterable[tuple[int, int]]) -> int:
    """Nanoseconds in all of them."""
    return sum(end - start for start, end in spans)
