"""What the store holds of one contract, as a tape: nothing that never came in is passed over in silence.

store = Store("market_data")
tape = stored_tape(store, "bybit", "BTCUSDT", interval="5m", start="2024-05-01")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from halfspread.datafeeds.contracts import contract_of
from halfspread.datafeeds.quality.telling import findings_in
from halfspread.datafeeds.store.replay import replay_bars, replay_books, replay_quotes, replay_trades
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.spans import Spans, without
from halfspread.datafeeds.store.store import Store
from halfspread.engine.bars import BarFormat, Bars
from halfspread.engine.codes import BAR_COLUMNS, QUOTE_COLUMNS
from halfspread.engine.depth import Depth
from halfspread.engine.instrument import Instrument
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, interval_text, parse_interval, parse_time, time_text
from halfspread.engine.trades import Trades
from halfspread.errors import DataError

__all__ = ["StoredMarket", "stored_tape"]

#: Read beyond the range on both sides: a price in force at its start, and rows that were received later than they were.
MARGIN = DAY

#: Tables that a tape may be made of, the finest first.
TABLES = ("books", "quotes", "trades", "bars")


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
        return _tables(self, store) | _beside(self, store)

    def tape(self, store: Store, instrument: Instrument | None = None) -> Tape:
        """The market as a tape. Raises DataError where the store lacks a part of it, and InstrumentError where the
        contract is not known."""
        tables, beside = _tables(self, store), _beside(self, store)
        finest = next(tables[kind] for kind in TABLES if kind in tables)
        gaps = _gaps(self, store, finest)
        for series in tables.values():
            _refuse_holes(self, store, series, gaps)
        terms: dict[str, Any] = {
            "start": self.start,
            "end": self.end,
            "gaps": gaps,
            "extra": self.extra,
            **{name: _side(self, store, name, series) for name, series in beside.items()},
        }
        fmt = _format(self, store, [series for kind, series in tables.items() if kind != "bars"])
        files = {
            kind: _source(self, store, series, kind, fmt, gaps if series == finest else ())
            for kind, series in tables.items()
        }
        contract = instrument or contract_of(store, self.venue, self.symbol)
        tape = _tape(self, files, fmt, contract, terms)
        told = {name: _told(store, series) for name, series in {**tables, **beside}.items()}
        feed = replace(tape.feeds[0], remarks=_remarks(self, store, {**tables, **beside}))
        return replace(tape, feeds=(feed,), origin={**tape.origin, **told})


def stored_tape(store: Store, venue: str, symbol: str, *, instrument: Instrument | None = None, **terms: Any) -> Tape:
    """A tape of one contract out of the store.

    ``instrument``: left out: a ready-made contract, else what the store knows of the venue's rules. ``terms``: of
    `StoredMarket`: ``show`` (some of bars, trades, quotes, books; the finest fills orders), ``interval`` of the bars,
    ``levels`` of the books, ``mark`` and ``index`` (intervals, or "none"; left out: that of the bars, else the finest),
    ``funding`` ("stored" or "none"), ``start`` and ``end`` as for `Tape.from_bars`, ``gaps`` beside those declared in
    the store, ``stream``, ``bars_interval``, and ``invalid``, ``clock``, ``order`` of `TableFormat`.

    Raises DataError where a part of the range never came in and is no declared gap, and as `Tape.from_bars` and
    `Tape.from_books` do; InstrumentError where the contract is not known.
    """
    return StoredMarket(venue, symbol, **terms).tape(store, instrument)


def _tape(
    market: StoredMarket, files: dict[str, Any], fmt: TableFormat, instrument: Instrument, terms: dict[str, Any]
) -> Tape:
    terms["interval"] = market.interval
    if tuple(files) == ("bars",):
        carried: dict[str, Any] = {name: getattr(market, name) for name in ("quotes", "carry_limit")}
        build = Tape.scan_bars if market.stream else Tape.from_bars
        return build(files["bars"], instrument, **carried, **terms)
    terms["time_format"] = fmt
    if "books" in files:
        terms["levels"] = market.levels
    if market.stream:
        return Tape.scan(instrument, **files, **terms)
    kinds = {"books": Tape.from_books, "quotes": Tape.from_quotes, "trades": Tape.from_trades}
    kind = next(kind for kind in kinds if kind in files)
    tape: Tape = kinds[kind](files.pop(kind), instrument, **files, **terms)
    if market.bars_interval is None:
        return tape
    from halfspread.datafeeds.event_bars import with_bars

    return with_bars(tape, market.bars_interval)


def _format(market: StoredMarket, store: Store, events: list[Series]) -> TableFormat:
    terms = {name: getattr(market, name) for name in ("invalid", "clock", "order")}
    return TableFormat(exchange_column=_exchange_column(store, events), **terms)


def _source(
    market: StoredMarket, store: Store, series: Series, table: str, fmt: TableFormat, gaps: Spans
) -> Bars | Depth | Trades | ParquetFiles:
    """The rows of the range and a little more, from the replay cache; where they are streamed, their files."""
    span = _bound(market, MARGIN)
    if market.stream:
        return _streamed(market, store, series)
    if table == "bars":
        form = BarFormat(extra=market.extra, quotes=market.quotes, carry_limit=market.carry_limit)
        return replay_bars(store, series, *span, form=form)
    if table == "books":
        return replay_books(store, series, *span, fmt=fmt, levels=market.levels, closed=gaps)
    if table == "quotes":
        return replay_quotes(store, series, *span, fmt=fmt, closed=gaps)
    return replay_trades(store, series, *span, fmt=fmt, closed=gaps)


def _streamed(market: StoredMarket, store: Store, series: Series) -> ParquetFiles:
    files = store.files(series, *_bound(market, MARGIN))
    columns = (*BAR_COLUMNS, *QUOTE_COLUMNS, *market.extra) if series.kind.startswith("bars_") else series.of_kind.names
    if not files:
        asked = f"{market.start or 'the beginning'} to {market.end or 'the end'}"
        raise DataError(f"{store.folder}: {series}: no rows from {asked}; {_there(store, series)}")
    if not _same_columns(files, columns):
        raise DataError(f"{store.folder}: {series}: its files have different columns; leave out stream")
    return ParquetFiles(f"store {series}", tuple(files))


def _tables(market: StoredMarket, store: Store) -> dict[str, Series]:
    """The series that are shown, by table. Raises DataError where the store has none."""
    kinds = {"bars": f"bars_{_text(market.interval)}", "trades": "trades", "quotes": "quotes"}
    found: dict[str, Series] = {}
    for table in market.show:
        kind = _books(market, store) if table == "books" else kinds[table]
        series = Series(market.venue, market.symbol, kind)
        store.summary(series)
        found[table] = series
    return found


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


def _beside(market: StoredMarket, store: Store) -> dict[str, Series]:
    """Funding, mark and index prices, as far as they are wanted and there."""
    mine = {s.kind: s for s in store.series() if (s.venue, s.symbol) == (market.venue, market.symbol)}
    found: dict[str, Series] = {}
    if market.funding == "stored" and "funding" in mine:
        found["funding"] = mine["funding"]
    for name in ("mark", "index"):
        asked = getattr(market, name)
        if asked == "none":
            continue
        if asked is not None:
            found[name] = Series(market.venue, market.symbol, f"{name}_{_text(asked)}")
            store.summary(found[name])
            continue
        there = [series for kind, series in mine.items() if kind.startswith(f"{name}_")]
        if there:
            found[name] = min(there, key=lambda s: (s.kind != f"{name}_{_text(market.interval)}", s.of_kind.interval))
    return found


def _bound(market: StoredMarket, margin: int) -> tuple[int | None, int | None]:
    start = None if market.start is None else parse_time(market.start) - margin
    return start, None if market.end is None else parse_time(market.end) + margin


def _same_columns(files: list[Path], columns: tuple[str, ...]) -> bool:
    import pyarrow.parquet

    return len({tuple(sorted(set(pyarrow.parquet.read_schema(path).names) & set(columns))) for path in files}) == 1


def _side(market: StoredMarket, store: Store, name: str, series: Series) -> Any:
    """What stands beside: of funding all rows, of prices those of the range."""
    span = (None, None) if name == "funding" else _bound(market, MARGIN)
    columns = series.of_kind.names if name == "funding" else ("ts", "open")
    files = store.files(series, *span)
    if files and _same_columns(files, columns):
        return ParquetFiles(f"store {series}", tuple(files))
    return store.read(series, *span, columns=columns)


def _gaps(market: StoredMarket, store: Store, series: Series) -> Spans:
    """Declared in the config and in the store, as far as they lie in the range."""
    start, end = _bound(market, 0)
    told = [(parse_time(first), parse_time(last)) for first, last in market.gaps]
    told += [(gap.start, gap.end) for gap in store.gaps(series)]
    return tuple(sorted({gap for gap in told if (start is None or gap[1] > start) and (end is None or gap[0] < end)}))


def _refuse_holes(market: StoredMarket, store: Store, series: Series, gaps: Spans) -> None:
    """Raise DataError where the store was never filled in a part of the range that is no declared gap."""
    summary = store.summary(series)
    if not summary.covered:
        raise DataError(f"{store.folder}: {series}: expected rows, got none; fetch or import it")
    start, end = _bound(market, 0)
    first = summary.covered[0][0] if start is None else start
    last = summary.covered[-1][1] if end is None else end
    known = tuple((gap.start, gap.end) for gap in store.gaps(series))
    missing = without(without([(first, last)], summary.covered), sorted({*gaps, *known}))
    if missing:
        shown = ", ".join(f"{time_text(a)} to {time_text(b)}" for a, b in missing[:3])
        more = f" and {len(missing) - 3} more spans" if len(missing) > 3 else ""
        raise DataError(
            f"{store.folder}: {series}: expected data from {time_text(first)} to {time_text(last)}, but {shown}{more} "
            f"never came in; {_there(store, series)}. Fetch or import the rest, set start and end to what is there, or "
            "declare a gap: gaps = [[from, to]]"
        )


def _there(store: Store, series: Series) -> str:
    spans = store.covered(series)
    return "there is " + (", ".join(f"{time_text(a)} to {time_text(b)}" for a, b in spans[:5]) or "nothing")


def _exchange_column(store: Store, events: list[Series]) -> str:
    """The column of exchange times: ts itself where nobody received the rows. Raises DataError where tables differ."""
    clocks = {series: store.summary(series).clock for series in events}
    if len(set(clocks.values())) > 1 or None in clocks.values():
        told = ", ".join(f"{series} {clock or 'both'}" for series, clock in clocks.items())
        raise DataError(
            f"{store.folder}: expected times of receipt in all tables or in none, got {told}; show tables of one source"
        )
    return "ts" if "exchange" in clocks.values() else "exch_ts"


def _remarks(market: StoredMarket, store: Store, made_of: Mapping[str, Series]) -> tuple[str, ...]:
    """What is known to be wrong with the series in the range."""
    span = _bound(market, 0)
    return tuple(text for series in made_of.values() for text in findings_in(store, series, *span))


def _told(store: Store, series: Series) -> str:
    """Where a series came from, for the manifest of a run."""
    summary = store.summary(series)
    sources = list(dict.fromkeys(each.source for each in summary.sources))
    shown = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    return f"store {series}: {summary.rows:,} rows of {shown}, SHA-256 {summary.digest[:16]}"
