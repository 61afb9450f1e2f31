"""What a learner is handed: a training window by itself, with nothing behind its end within reach.

A slice of a tape shares the arrays of the whole and keeps all that stands beside the tables, which is what a run wants
of it. A learner is Python that may look at anything.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from halfspread.costs.funding import FundingTable
from halfspread.engine.feed import Feed
from halfspread.engine.side_data import Prices
from halfspread.engine.tape import Tape

__all__ = ["training_tape"]


def training_tape(part: Tape, end: int) -> Tape:
    """``part``, a slice of a tape in memory, with arrays of its own; prices and gaps up to ``end`` (nanoseconds UTC),
    and settlements whose rates are known by then."""
    return replace(part, feeds=tuple(_alone(feed, end) for feed in part.feeds))


def _alone(feed: Feed, end: int) -> Feed:
    tables: dict[str, Any] = {kind: _copied(feed.table(kind)) for kind in feed.kinds}
    return replace(
        feed,
        **tables,
        funding=_known(feed.funding, end),
        mark=_until(feed.mark, end),
        index=_until(feed.index, end),
        settle_price=_until(feed.settle_price, end),
        gaps=tuple(gap for gap in feed.gaps if gap[0] <= end),
    )


def _copied(table: Any) -> Any:
    """The same table with arrays of its own, which cannot be written to."""
    values = {field.name: getattr(table, field.name) for field in fields(table)}
    arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
    for array in arrays.values():
        array.flags.writeable = False
    return replace(table, **arrays)


def _known(table: FundingTable | None, end: int) -> FundingTable | None:
    if table is None:
        return None
    here = table.known_times <= end
    names = ("times", "rates", "intervals", "known_times")
    return replace(table, **{name: getattr(table, name)[here] for name in names})


def _until(prices: Prices | None, end: int) -> Prices | None:
    if prices is None:
        return None
    here = prices.times <= end
    return Prices(prices.times[here], prices.prices[here], prices.source)
