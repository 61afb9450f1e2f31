"""What an agent subscribes to, and what that means on a tape: the events it decides on and the table it sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from halfspread.engine.codes import BAR_CLOSE, BOOK, OWN_ORDER, QUOTE, TIMER, TRADE
from halfspread.engine.feed import Feed
from halfspread.engine.times import parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["METHODS", "Wishes", "agent_name", "bits_of", "methods_of", "table_of", "wishes_of"]

#: What an agent may subscribe to, and the method that decides on it.
METHODS = {
    "bar": "on_bar",
    "quote": "on_quote",
    "book": "on_book",
    "trade": "on_trade",
    "timer": "on_timer",
    "fill": "on_fill",
}
TABLES = {"bar": "bars", "quote": "quotes", "book": "books", "trade": "trades"}
KINDS = {"bars": BAR_CLOSE, "quotes": QUOTE, "books": BOOK, "trades": TRADE}
STANDS_IN = {"quotes": "books", "books": "quotes"}


@dataclass(frozen=True)
class Wishes:
    """What an agent subscribes to: names of `METHODS`, the first of a table being its history; the timer in ns."""

    name: str
    events: tuple[str, ...]
    timer: int

    def history(self, feeds: Sequence[Feed]) -> str:
        """The table that the agent sees; one that subscribes to none sees bars, books, quotes or trades, the first of
        these that all instruments have. Raises DataError where no instrument has it."""
        for event in self.events:
            if event in TABLES:
                wanted = TABLES[event]
                if any(wanted in feed.kinds for feed in feeds):
                    return wanted
                return self._found(event, feeds)
        shared = set.intersection(*(set(feed.kinds) for feed in feeds))
        held = {kind for feed in feeds for kind in feed.kinds}
        return next(kind for kind in ("bars", "books", "quotes", "trades") if kind in (shared or held))

    def bits(self, feeds: Sequence[Feed]) -> dict[str, int]:
        """Kinds of event, as bits, that each subscription stands for: quotes and books stand in for each other where it
        does not name both. Raises DataError where the tape has nothing for one."""
        found = bits_of(feeds, stand_in=not {"quote", "book"} <= set(self.events))
        for event in self.events:
            if event in TABLES:
                self._found(event, feeds)
        return {event: found[event] for event in self.events}

    def _found(self, event: str, feeds: Sequence[Feed]) -> str:
        for feed in feeds:
            table = table_of(event, feed)
            if table is not None:
                return table
        remedy = (
            "make bars of its events with halfspread.datafeeds.aggregate, or in a config with bars_interval"
            if event == "bar"
            else "choose another tape or agent"
        )
        held = sorted({kind for feed in feeds for kind in feed.kinds})
        raise DataError(f"{self.name} decides on {event} events, and the tape holds {', '.join(held)} only; {remedy}")


def table_of(event: str, feed: Feed) -> str | None:
    """The table of an instrument that ``event`` comes from: quotes and books stand in for each other."""
    table = TABLES[event]
    if table in feed.kinds:
        return table
    other = STANDS_IN.get(table)
    return other if other in feed.kinds else None


def bits_of(feeds: Sequence[Feed], stand_in: bool = True) -> dict[str, int]:
    """Which kinds of event, as bits, each name stands for on this tape; ``stand_in``: quotes and books for each
    other."""
    found = {"timer": TIMER, "fill": OWN_ORDER}
    for event, table in TABLES.items():
        found[event] = 0
        for feed in feeds:
            there = table_of(event, feed)
            if there is not None and (stand_in or there == table):
                found[event] |= KINDS[there]
    return found


def agent_name(agent: object) -> str:
    """The name of an agent in messages and tables."""
    return str(getattr(agent, "name", type(agent).__name__))


def has_method(agent: object, method: str) -> bool:
    """Whether the agent has this method; a base class's one that stands for none does not count."""
    found = getattr(agent, method, None)
    return callable(found) and not getattr(found, "placeholder", False)


def methods_of(agent: object) -> tuple[str, ...]:
    """Events that the agent has a method for, in the order of `METHODS`."""
    return tuple(event for event, method in METHODS.items() if has_method(agent, method))


def wishes_of(agent: Any, compiled: bool) -> Wishes:
    """What the agent subscribes to: the events that it names, or those it has methods for. Raises ConfigError."""
    name = agent_name(agent)
    named = getattr(agent, "events", None)
    events = tuple(named) if named is not None else (("bar",) if compiled else methods_of(agent))
    unknown = [event for event in events if event not in METHODS]
    if unknown or not events:
        raise ConfigError(
            f"{name}.events: expected some of {', '.join(METHODS)}, got {', '.join(map(str, unknown)) or 'none'}"
        )
    missing = [event for event in events if not compiled and not has_method(agent, METHODS[event])]
    if missing:
        raise ConfigError(f"{name} subscribes to {missing[0]}, but has no method {METHODS[missing[0]]}; define it")
    timer = 0
    if "timer" in events:
        every = getattr(agent, "timer", None)
        if every is None:
            raise ConfigError(f"{name} decides on a timer, but does not say how often; set timer = '1m'")
        timer = parse_interval(every)
    return Wishes(name, events, timer)
