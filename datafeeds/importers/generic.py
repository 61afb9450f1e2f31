"""Tables whose columns are known by their names, or by what the user says: text, Parquet, Feather, records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from halfspread.datafeeds.importers.aliases import Matched, matched, plain_name
from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.convert import converted, text_type, unknown_sides
from halfspread.datafeeds.importers.imported import Block, Imported, Tally, table_of
from halfspread.datafeeds.importers.one_symbol import OneSymbol, same_contract
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.ordering import in_order, without_repeats
from halfspread.datafeeds.importers.row_rules import Rules
from halfspread.datafeeds.importers.satoshi import in_coins, is_inverse
from halfspread.datafeeds.importers.spacing import interval_of, opens
from halfspread.datafeeds.importers.tabular import Tabular
from halfspread.datafeeds.importers.units import Clock, clock_of, unit_of
from halfspread.datafeeds.importers.where import Where
from halfspread.datafeeds.store.kinds import FAMILIES, Kind, kind_of
from halfspread.datafeeds.store.series import Provenance, Series
from halfspread.engine.times import interval_text, parse_interval
from halfspread.errors import DataError

__all__ = ["Facts", "read_tabular"]


@dataclass(frozen=True)
class Facts:
    """What a format says of a file, which what the user says goes before. ``kind``: of the store, or a family;
    ``mapping``: our columns to the file's; ``stamp``: open or close; ``volume``: CCXT where bars count as it
    does."""

    format: str
    venue: str | None = None
    symbol: str | None = None
    kind: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    stamp: str | None = None
    interval: str | None = None
    told: tuple[str, ...] = ()
    volume: str = ""


def read_tabular(table: Tabular, options: Options, facts: Facts, provenance: Provenance) -> Imported:
    """Read a table as rows of one series. Raises DataError where it is not sure what a column is, and for rows that
    cannot be told."""
    told = list(facts.told)
    what = str(table.source)
    kind = options.kind or facts.kind
    columns = matched(table.names, kind, {**facts.mapping, **options.mapping}, what)
    family = _with_volume(columns, kind, table.source, told)
    if "ts" not in columns.columns:
        raise DataError(
            f"{what}: expected a column of times, got {', '.join(table.names)[:300]}; --map ts=NAME says which"
        )
    _refuse_other_name(facts, options, what)
    only = OneSymbol(columns.symbol, options.symbol or facts.symbol, what)
    if columns.symbol and not options.symbol and not facts.symbol:
        only = only.told_by(table.sample(columns.symbol))
    venue, symbol = options.named(facts.venue, only.symbol, what)
    clocks = {
        ours: _clock(table, theirs, options, told)
        for ours, theirs in columns.columns.items()
        if ours in ("ts", "exch_ts", "known_ts", "funding_ts")
    }
    store_kind = _kind(table, columns, family, kind, options, facts, clocks["ts"])
    series = Series(venue, symbol, store_kind.name)
    if facts.volume == "CCXT" and family == "bars":
        _refuse_base_volume(series, options, what)
    _refuse_missing(columns, store_kind, table, told)
    shift = _shift(columns, store_kind, series, options, facts, told)
    if columns.left:
        told.append(f"columns that were left out: {', '.join(columns.left)}")
    tally = Tally()
    reader = _Reader(table, columns, clocks, series, only, Rules(store_kind, what), tally, shift)
    blocks = in_coins(reader.blocks(), told) if family == "bars" and is_inverse(series) else reader.blocks()
    rows = in_order(blocks, told, options.sort)
    if store_kind.key == ("ts",):
        rows = without_repeats(rows, what, tally)
    return Imported(
        table.source,
        facts.format,
        reader.counted(rows),
        provenance,
        told,
        tally,
        reader.first(),
        (series,),
        clocks["ts"].in_words(),
    )


def _refuse_other_name(facts: Facts, options: Options, what: str) -> None:
    """Raise DataError where the file's own name is of another contract than ``--symbol`` says."""
    if facts.symbol and options.symbol and not same_contract(facts.symbol, options.symbol):
        raise DataError(
            f"{what}: its name says {facts.symbol}, and --symbol {options.symbol}; leave --symbol out, or rename the "
            "file where its name is wrong"
        )


def _refuse_missing(columns: Matched, kind: Kind, table: Tabular, told: list[str]) -> None:
    """Raise DataError where a column that is needed is not there; sides may be unknown."""
    missing = [name for name in kind.required if name not in columns.columns]
    if kind.name == "trades" and missing == ["side"]:
        told.append("no column of sides: the side of each trade is unknown")
    elif missing:
        raise DataError(
            f"{table.source}: {kind.name}: expected a column {missing[0]}, got {', '.join(table.names)[:300]}; say "
            f"which it is with --map {missing[0]}=NAME"
        )


def _refuse_base_volume(series: Series, options: Options, what: str) -> None:
    """CCXT counts bars of Bybit's inverse contracts in base coin. Raises DataError."""
    inverse = series.venue == "bybit" and re.fullmatch(r"[A-Z0-9]+USD([FGHJKMNQUVXZ]\d\d)?", series.symbol)
    if inverse and options.volume != "contracts":
        raise DataError(
            f"{what}: CCXT gives the volume of inverse contracts of Bybit in base coin, and contracts (USD) cannot be "
            f"worked out of it; fetch the bars (halfspread data fetch bybit {series.symbol}), or say --volume "
            "contracts where the file counts these"
        )


@dataclass
class _Reader:
    """Blocks of a table as rows of a series."""

    table: Tabular
    columns: Matched
    clocks: Mapping[str, Clock]
    series: Series
    only: OneSymbol
    rules: Rules
    tally: Tally
    shift: int

    def blocks(self) -> Iterator[tuple[Any, Where]]:
        """Tables in the types of the store, as they stand in the file."""
        kind = self.series.of_kind
        for whole, at in self.table.blocks(self.types()):
            self.tally.read += whole.num_rows
            found, where = self._wanted(whole, at)
            rows = {
                column.name: converted(
                    column,
                    found.column(self.columns.columns[column.name]),
                    self.clocks.get(column.name, Clock("integer")),
                    where,
                    self.columns.columns[column.name],
                )
                for column in kind.columns
                if column.name in self.columns.columns
            }
            if kind.name == "trades" and "side" not in rows:
                rows["side"] = unknown_sides(found.num_rows)
            rows = self.rules.applied(rows, where, self.tally)
            if self.shift or kind.interval:
                rows["ts"] = opens(rows["ts"], self.shift, kind.interval, where)
            yield table_of(self.series, rows), where

    def _wanted(self, found: Any, where: Where) -> tuple[Any, Where]:
        """The rows of the contract, without trades that were only sent again on subscribing."""
        keep = np.ones(found.num_rows, bool)
        if self.only.column:
            keep = self.only.rows(found.column(self.only.column))
            self.tally.leave("rows of other symbols", int((~keep).sum()))
        if "action" in found.column_names:
            again = keep & np.array([action == "partial" for action in found.column("action").to_pylist()])
            self.tally.leave("trades that were sent again on subscribing", int(again.sum()))
            keep &= ~again
        return (found, where) if keep.all() else (found.filter(keep), where.of(np.flatnonzero(keep)))

    def types(self) -> dict[str, Any]:
        """The columns of the file that are needed, with what each is parsed as from text."""
        import pyarrow as pa

        kind = {column.name: column for column in self.series.of_kind.columns}
        types = {
            theirs: text_type(kind[ours], self.clocks.get(ours, Clock("integer")))
            for ours, theirs in self.columns.columns.items()
            if ours in kind
        }
        if self.only.column:
            types[self.only.column] = pa.dictionary(pa.int32(), pa.string())
        if "action" in self.table.names and self.series.kind == "trades":
            types["action"] = pa.string()
        return types

    def counted(self, tables: Iterator[Any]) -> Iterator[Block]:
        """Count what comes out."""
        from halfspread.datafeeds.importers.ordering import times_in

        for table in tables:
            if table.num_rows:
                self.tally.keep(self.series, times_in(table))
                yield Block(self.series, table)
        if not self.tally.kept and self.tally.left["rows of other symbols"]:
            raise DataError(
                f"{self.table.source}: expected rows of {self.only.symbol} in column {self.only.column}, got none; "
                "correct --symbol"
            )

    def first(self) -> int:
        """The time of the first row, to sort files by."""
        name = self.columns.columns["ts"]
        for found, where in self.table.blocks({name: self.types()[name]}):
            kind = self.series.of_kind.columns[0]
            times = converted(kind, found.column(name), self.clocks["ts"], where, name).drop_null()
            return int(times.to_numpy().min()) if len(times) else 0
        return 0


def _clock(table: Tabular, name: str, options: Options, told: list[str]) -> Clock:
    """How a column of times is written."""
    import pyarrow as pa

    sample = table.sample(name)
    what = f"{table.source}: column {name}"
    if isinstance(sample, list):
        return clock_of(sample, options.time_unit, options.time_zone, what) if sample else Clock("integer")
    kind = sample.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_date(kind) or kind.tz:
            return Clock("datetimes")
        if options.time_zone is None:
            raise DataError(f"{what}: its times carry no zone; if they are UTC, say so with --time-zone UTC")
        return Clock("naive", zone=options.time_zone)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return clock_of([text for text in sample.to_pylist() if text], options.time_unit, options.time_zone, what)
    values = [Decimal(str(value)) for value in sample.to_pylist() if value is not None and np.isfinite(float(value))]
    if not values:
        raise DataError(f"{what}: expected times, got none")
    unit = unit_of(values[0], values[0], options.time_unit, what)
    if pa.types.is_floating(kind):
        told.append(f"column {name} holds floating-point times: good to the microsecond")
        return Clock("decimal", unit)
    return Clock("integer", unit)


def _with_volume(columns: Matched, kind: str | None, source: Source, told: list[str]) -> str:
    """The family of a table; bars without volume are of the mark or index price, if the name says so."""
    if columns.family != "bars" or "volume" in columns.columns:
        return columns.family
    tokens = [family for family in ("mark", "index", "premium") if family in plain_name(source.name)]
    if kind is None and len(tokens) == 1:
        told.append(f"bars without volume are of the {tokens[0]} price, by the file's name")
        return tokens[0]
    raise DataError(
        f"{source}: bars without a column of volume; say which it is with --map volume=NAME, or what else the bars are "
        "of with --kind mark or --kind index"
    )


def _kind(
    table: Tabular,
    columns: Matched,
    family: str,
    kind: str | None,
    options: Options,
    facts: Facts,
    clock: Clock,
) -> Kind:
    """The kind in the store, its interval found where nobody has said it."""
    if kind and kind not in (*FAMILIES, "books"):
        return _refuse_finer(kind_of(kind), table, columns, clock)
    if family == "books":
        levels = max(int(name.rsplit("_", 1)[1]) for name in columns.columns if name.startswith("bid_"))
        return kind_of(f"books_{levels}")
    if family not in FAMILIES:
        return kind_of(family)
    if given := options.interval or facts.interval:
        found = kind_of(f"{family}_{interval_text(parse_interval(given))}")
        return _refuse_finer(found, table, columns, clock)
    return kind_of(f"{family}_{interval_text(interval_of(table, columns.columns['ts'], clock))}")


def _refuse_finer(kind: Kind, table: Tabular, columns: Matched, clock: Clock) -> Kind:
    """The kind; DataError where rows of it are plainly further apart: all but some would be missing."""
    if not kind.interval:
        return kind
    try:
        found = interval_of(table, columns.columns["ts"], clock, least=6)
    except DataError:
        return kind
    if found > kind.interval and found % kind.interval == 0:
        length = interval_text(found)
        raise DataError(
            f"{table.source}: expected bars of {interval_text(kind.interval)}, got rows that are {length} apart; "
            f"--interval {length} (or --kind) says what they are"
        )
    return kind


def _shift(columns: Matched, kind: Kind, series: Series, options: Options, facts: Facts, told: list[str]) -> int:
    """What is taken off the times of a file to have the opens of its bars."""
    if not kind.interval or kind.name.startswith("open_interest"):
        return 0
    name = columns.columns["ts"]
    plain = plain_name(name)
    stamp = options.stamp or facts.stamp
    if stamp is None and plain in ("closetime", "endtime", "end"):
        stamp = "close"
    if stamp is None and (name == "ts" or plain in ("opentime", "starttime", "start", "begin")):
        stamp = "open"
    if stamp is None and series.venue == "bitmex":
        raise DataError(
            f"column {name}: BitMEX stamps bars with their end, most other files with their open; say which with "
            "--stamp close or --stamp open"
        )
    if stamp is None:
        told.append(f"column {name} is taken as the open of each bar; if it is the close: --stamp close")
    elif stamp == "close":
        told.append(
            f"column {name} is the close of each bar; stored by the open, {interval_text(kind.interval)} before"
        )
    return kind.interval if stamp == "close" else 0
