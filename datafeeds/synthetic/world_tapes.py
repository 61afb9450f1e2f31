"""Tapes of synthetic worlds: what an agent is shown of a `World`, ready for the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from halfspread.datafeeds.event_bars import with_bars
from halfspread.datafeeds.synthetic.world import World
from halfspread.engine.codes import BAR_COLUMNS, QUOTE_COLUMNS
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["TABLES", "world_tape"]

#: Tables that a tape of a world may hold.
TABLES = ("books", "quotes", "trades", "bars")


def world_tape(
    world: World, tables: Sequence[str] | None = None, bars_interval: str | int | float | None = None
) -> Tape:
    """A tape of one world, with its funding, mark and index where it has them. Nothing hidden is on it.

    ``tables``: which of books, quotes, trades and bars to put on the tape; left out: books, trades and bars, as far as
    the world has them (quotes are the first level of its books). ``bars_interval``: length of the bars made of trades
    in a world of order flow, a minute where it is left out; a world of bars has its own. The finest table is the
    market that fills orders. Raises ConfigError for a table that the world has not got.
    """
    wanted = _wanted(world, tables, bars_interval)
    beside: dict[str, Any] = {"funding": world.funding, "mark": world.mark, "index": world.index}
    events = {name: getattr(world, name) for name in wanted if name != "bars"}
    if not _flows(world):
        bars = world.table("bars")
        known = {"ts", *BAR_COLUMNS, *QUOTE_COLUMNS}
        extra = tuple(name for name in bars.columns if name not in known)
        tape = Tape.from_bars(bars, world.instrument, interval=world.interval / 1e9, extra=extra, **beside)
    else:
        # Bars alone are made of all that there is.
        tape = _of_events(world, events or {"books": world.books, "trades": world.trades}, beside)
        if "bars" in wanted:
            tape = with_bars(tape, bars_interval or "1m", world.start, world.end)
        if not events:
            feed = tape.feeds[0]
            tape = replace(tape, feeds=(replace(feed, books=None, quotes=None, trades=None, counts={}),))
    return replace(tape.as_synthetic(), origin={"bars" if wanted == ("bars",) else "market": world.describe()})


def _has(world: World, name: str) -> bool:
    table = getattr(world, name)
    return table is not None and len(table) > 0


def _flows(world: World) -> bool:
    """Whether the world has order flow; bars of its own otherwise."""
    return any(_has(world, name) for name in ("books", "quotes", "trades"))


def _wanted(world: World, tables: Sequence[str] | None, bars_interval: object) -> tuple[str, ...]:
    there = tuple(name for name in TABLES if _has(world, name))
    if bars_interval is not None and not _flows(world):
        raise ConfigError("bars_interval: a world of bars has its own interval; set interval instead")
    if tables is None:
        return tuple(name for name in there if name != "quotes" or world.books is None)
    absent = [name for name in tables if name not in there]
    if absent or not tables:
        raise ConfigError(
            f"tables: expected some of {', '.join(there)}, which this world has, got {', '.join(absent) or 'none'}"
        )
    return tuple(tables)


def _of_events(world: World, events: dict[str, Any], beside: dict[str, Any]) -> Tape:
    given = {name: table for name, table in events.items() if table is not None and len(table)}
    for kind, build in (("books", Tape.from_books), ("quotes", Tape.from_quotes), ("trades", Tape.from_trades)):
        if kind in given:
            return build(given.pop(kind), world.instrument, **given, **beside)
    raise ConfigError("tables: expected books, quotes or trades")
