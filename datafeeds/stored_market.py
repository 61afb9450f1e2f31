"""Which series of the store make the market of a run, and whether they hold all of its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.spans import Spans, without
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, MINUTE, interval_text, parse_interval, parse_time, time_text
from halfspread.errors import DataError

__all__ = ["StoredMarket", "declared_gaps", "refuse_holes", "silent_days", "what_is_there"]

#: Tables that a tape may be made of, the finest first.
TABLES = ("books", "quotes", "trades", "bars")

#: Files of events cover what lies between their first and last rows; so long beside them may have been quiet (ns).
QUIET = MINUTE


@dataclass(frozen=True)
class StoredMarket:
    """Which series of the store make a market, and how they are read; see `stored_tape`."""

    venue: str
    symbol: str
    show: Sequence[str] = ("bars",)
    interval: str | int | float | None = None
    levels: int | None = None
    bars_interval: str | int | float | None = None
    funding: str = "stored"
    mark: str | int | float | None = None
    index: str | int | float | None = None
    start: Any = None
    end: Any = None
    gaps: Sequence[tuple[Any, Any]] = ()
    quotes: str = "as_given"
    carry_limit: str | int | float = "20m"
    invalid: str = "error"
    clock: str = "error"
    order: str = "error"
    stream: bool = False
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [table for table in self.show if table not in TABLES]
        if unknown or not self.show or len(set(self.show)) < len(self.show):
            raise DataError(f"show: expected some of {', '.join(TABLES)}, each once, got {list(self.show)!r}")
        if "bars" in self.show and self.interval is None:
            raise DataError("interval: which bars? Such as interval='5m'")

    def series(self, store: Store) -> dict[str, Series]:
        """The series that the market is made of, by what each is. Raises DataError for one that is not there."""
        return self.tables(store) | self.beside(store)

    def tables(self, store: Store) -> dict[str, Series]:
        """The series that are shown, by table, the finest first. Raises DataError where the store has none."""
        kinds = {"bars": f"bars_{_text(self.interval)}", "trades": "trades", "quotes": "quotes"}
        found: dict[str, Series] = {}
        for table in (each for each in TABLES if each in self.show):
            kind = _books(self, store) if table == "books" else kinds[table]
            found[table] = Series(self.venue, self.symbol, kind)
            store.summary(found[table])
        return found

    def beside(self, store: Store) -> dict[str, Series]:
        """Funding, mark and index prices, as far as they are wanted and there."""
        mine = {s.kind: s for s in store.series() if (s.venue, s.symbol) == (self.venue, self.symbol)}
        found: dict[str, Series] = {}
        if self.funding == "stored" and "funding" in mine:
            found["funding"] = mine["funding"]
        for name in ("mark", "index"):
            asked = getattr(self, name)
            if asked == "none":
                continue
            if asked is not None:
                found[name] = Series(self.venue, self.symbol, f"{name}_{_text(asked)}")
                store.summary(found[name])
                continue
            there = [series for kind, series in mine.items() if kind.startswith(f"{name}_")]
            if there:
                own = f"{name}_{_text(self.interval)}"
                found[name] = min(there, key=lambda s: (self._lacks(store, s), s.kind != own, s.of_kind.interval))
        return found

    def _lacks(self, store: Store, series: Series) -> bool:
        """Whether a series of prices lacks more than a day of the range, so that one that does not is better."""
        start, end = self.bounds()
        for table in self.tables(store).values():
            covered = store.covered(table)
            if covered:
                start, end = start or covered[0][0], end or covered[-1][1]
        return start is not None and end is not None and sum(b - a for a, b in store.missing(series, start, end)) > DAY

    def bounds(self, margin: int = 0) -> tuple[int | None, int | None]:
        """Start and end in nanoseconds UTC, None for no bound; ``margin`` is added on both sides."""
        start = None if self.start is None else parse_time(self.start) - margin
        return start, None if self.end is None else parse_time(self.end) + margin


def declared_gaps(market: StoredMarket, store: Store, series: Series) -> Spans:
    """Declared in the config and in the store, as far as they lie in the range."""
    start, end = market.bounds()
    told = [(parse_time(first), parse_time(last)) for first, last in market.gaps]
    told += [(gap.start, gap.end) for gap in store.gaps(series)]
    return tuple(sorted({gap for gap in told if (start is None or gap[1] > start) and (end is None or gap[0] < end)}))


def refuse_holes(market: StoredMarket, store: Store, series: Series, gaps: Spans) -> None:
    """Raise DataError where the store was never filled in a part of the range that is no declared gap."""
    summary = store.summary(series)
    if not summary.covered:
        raise DataError(f"{store.folder}: {series}: expected rows, got none; fetch or import it")
    start, end = market.bounds()
    first = summary.covered[0][0] if start is None else start
    last = summary.covered[-1][1] if end is None else end
    known = tuple((gap.start, gap.end) for gap in store.gaps(series))
    missing = without(without([(first, last)], summary.covered), sorted({*gaps, *known}))
    if series.of_kind.events:
        missing = tuple(span for span in missing if span[1] - span[0] > QUIET)
    if missing:
        shown = ", ".join(f"{time_text(a)} to {time_text(b)}" for a, b in missing[:3])
        more = f" and {len(missing) - 3} more spans" if len(missing) > 3 else ""
        raise DataError(
            f"{store.folder}: {series}: expected data from {time_text(first)} to {time_text(last)}, but {shown}{more} "
            f"never came in; {what_is_there(store, series)}. Fetch or import the rest, set start and end to what is "
            "there, or declare a gap: gaps = [[from, to]]"
        )


def silent_days(market: StoredMarket, store: Store, series: Series, gaps: Spans) -> list[str]:
    """A sentence on days in the range on which a series of events has no row at all, declared gaps left out."""
    if not series.of_kind.events:
        return []
    files = sorted(path.stem for path in store.files(series, *market.bounds()))
    if not files:
        return []
    known = set(files)
    first, last = parse_time(files[0]) // DAY, parse_time(files[-1]) // DAY
    days = [day for day in range(first, last) if time_text(day * DAY)[:10] not in known]
    days = [day for day in days if without([(day * DAY, (day + 1) * DAY)], gaps)]
    if not days:
        return []
    shown = ", ".join(time_text(day * DAY)[:10] for day in days[:3]) + (", ..." if len(days) > 3 else "")
    return [f"{series}: no row on {len(days)} day{'s' * (len(days) > 1)} ({shown}): is a file missing?"]


def what_is_there(store: Store, series: Series) -> str:
    """The spans that came in, in words."""
    spans = store.covered(series)
    return "there is " + (", ".join(f"{time_text(a)} to {time_text(b)}" for a, b in spans[:5]) or "nothing")


def _text(interval: str | int | float | None) -> str:
    return "" if interval is None else interval_text(parse_interval(interval))


def _books(market: StoredMarket, store: Store) -> str:
    """The books with the fewest levels that are enough, or with the most there are."""
    there = sorted(
        series.of_kind.levels
        for series in store.series()
        if (series.venue, series.symbol) == (market.venue, market.symbol) and series.of_kind.levels
    )
    enough = [levels for levels in there if market.levels is None or levels >= market.levels]
    if not enough:
        asked = "books" if market.levels is None else f"books of {market.levels} levels or more"
        raise DataError(
            f"{store.folder}: expected {asked} of {market.venue}:{market.symbol}, got "
            f"{', '.join(f'books_{levels}' for levels in there) or 'none'}; make them of its book updates with "
            f"halfspread data books {market.venue} {market.symbol}"
        )
    return f"books_{enough[-1] if market.levels is None else enough[0]}"
