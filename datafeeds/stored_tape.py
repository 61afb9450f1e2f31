"""What the store holds of one contract, as a tape: nothing that never came in is passed over in silence.

store = Store("market_data")
tape = stored_tape(store, "bybit", "BTCUSDT", interval="5m", start="2024-05-01")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from halfspread.datafeeds.contracts import contract_of, contradictions
from halfspread.datafeeds.quality.telling import findings_in
from halfspread.datafeeds.store.replay import replay_bars, replay_books, replay_quotes, replay_trades
from halfspread.datafeeds.store.series import Series
from halfspread.datafeeds.store.spans import Spans
from halfspread.datafeeds.store.store import Store
from halfspread.datafeeds.stored_market import StoredMarket, declared_gaps, refuse_holes, silent_days, what_is_there
from halfspread.engine.bars import BarFormat, Bars
from halfspread.engine.codes import BAR_COLUMNS, QUOTE_COLUMNS
from halfspread.engine.depth import Depth
from halfspread.engine.instrument import Instrument
from halfspread.engine.parquet import ParquetFiles
from halfspread.engine.table_format import TableFormat
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY
from halfspread.engine.trades import Trades
from halfspread.errors import DataError

__all__ = ["stored_tape", "tape_of"]

#: Read beyond the range on both sides: a price in force at its start, and rows that were received later than they were.
MARGIN = DAY


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
    return tape_of(StoredMarket(venue, symbol, **terms), store, instrument)


def tape_of(market: StoredMarket, store: Store, instrument: Instrument | None = None) -> Tape:
    """The market as a tape. Raises DataError where the store lacks a part of it, and InstrumentError where the
    contract is not known."""
    tables, beside = market.tables(store), market.beside(store)
    finest = next(iter(tables.values()))
    gaps = declared_gaps(market, store, finest)
    for series in tables.values():
        refuse_holes(market, store, series, gaps)
    terms: dict[str, Any] = {
        "start": market.start,
        "end": market.end,
        "gaps": gaps,
        "extra": market.extra,
        **{name: _side(market, store, name, series) for name, series in beside.items()},
    }
    fmt = _format(market, store, [series for kind, series in tables.items() if kind != "bars"])
    files = {
        kind: _source(market, store, series, kind, fmt, gaps if series == finest else ())
        for kind, series in tables.items()
    }
    contract = instrument or contract_of(store, market.venue, market.symbol, *market.bounds())
    tape = _tape(market, files, fmt, contract, terms)
    told = {name: _told(store, series) for name, series in {**tables, **beside}.items()}
    silent = [text for series in tables.values() for text in silent_days(market, store, series, gaps)]
    remarks = (
        *silent,
        *_remarks(market, store, {**tables, **beside}),
        *contradictions(store, contract, *market.bounds()),
    )
    feed = replace(tape.feeds[0], remarks=remarks)
    return replace(tape, feeds=(feed,), origin={**tape.origin, **told})


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
    span = market.bounds(MARGIN)
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
    files = store.files(series, *market.bounds(MARGIN))
    columns = (*BAR_COLUMNS, *QUOTE_COLUMNS, *market.extra) if series.kind.startswith("bars_") else series.of_kind.names
    if not files:
        asked = f"{market.start or 'the beginning'} to {market.end or 'the end'}"
        raise DataError(f"{store.folder}: {series}: no rows from {asked}; {what_is_there(store, series)}")
    if not _same_columns(files, columns):
        raise DataError(f"{store.folder}: {series}: its files have different columns; leave out stream")
    return ParquetFiles(f"store {series}", tuple(files))


def _same_columns(files: list[Path], columns: tuple[str, ...]) -> bool:
    import pyarrow.parquet

    return len({tuple(sorted(set(pyarrow.parquet.read_schema(path).names) & set(columns))) for path in files}) == 1


def _side(market: StoredMarket, store: Store, name: str, series: Series) -> Any:
    """What stands beside: of funding all rows, of prices those of the range."""
    span = (None, None) if name == "funding" else market.bounds(MARGIN)
    columns = series.of_kind.names if name == "funding" else ("ts", "open")
    files = store.files(series, *span)
    if files and _same_columns(files, columns):
        return ParquetFiles(f"store {series}", tuple(files))
    return store.read(series, *span, columns=columns)


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
    span = market.bounds()
    return tuple(text for series in made_of.values() for text in findings_in(store, series, *span))


def _told(store: Store, series: Series) -> str:
    """Where a series came from, for the manifest of a run."""
    summary = store.summary(series)
    sources = list(dict.fromkeys(each.source for each in summary.sources))
    shown = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    return f"store {series}: {summary.rows:,} rows of {shown}, SHA-256 {summary.digest[:16]}"
