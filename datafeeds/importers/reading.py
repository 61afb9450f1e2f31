"""Read a file of another tool: what it is is found out, said, and its rows come in blocks of the store's kinds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from halfspread.datafeeds.importers.archives import Source, digest_of, sources
from halfspread.datafeeds.importers.arrow_tables import ArrowTable, open_feather, open_parquet
from halfspread.datafeeds.importers.detect import FORMATS, Found, detect
from halfspread.datafeeds.importers.generic import Facts, read_tabular
from halfspread.datafeeds.importers.hftbacktest import read_hftbacktest
from halfspread.datafeeds.importers.imported import Imported, Tally
from halfspread.datafeeds.importers.json_files import freqtrade_facts, read_json
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.tardis import read_tardis
from halfspread.datafeeds.importers.venue_files import (
    dump_facts,
    is_capture,
    read_bitmex_dump,
    read_capture_file,
    read_messages,
)
from halfspread.datafeeds.store.series import Provenance
from halfspread.errors import DataError

__all__ = ["files_in", "read", "read_source"]

#: Columns of files of freqtrade.
_FREQTRADE = {
    *("date", "open", "high", "low", "close", "volume", "funding_rate"),
    *("timestamp", "id", "type", "side", "price", "amount", "cost"),
}


def files_in(path: str | Path, options: Options | None = None) -> list[Source]:
    """The file, or the files of the archive, at ``path``. Raises DataError."""
    return sources(Path(path), (options or Options()).max_unpacked)


def read(path: str | Path, options: Options | None = None) -> list[Imported]:
    """Everything in the file or archive at ``path``. Raises DataError for what is not read or not sure."""
    return [found for source in files_in(path, options) for found in read_source(source, options)]


def read_source(
    source: Source, options: Options | None = None, *, now: int | None = None, digest: str | None = None
) -> list[Imported]:
    """What one file holds: one series mostly, several for JSON with several lists. ``now``: int64 ns, for bars that are
    not over; ``digest``: the file's, where it is known. Raises DataError."""
    options = options or Options()
    found = detect(source, options.format)
    name = f"{source.path.name}: {source.member}" if source.member else source.path.name
    provenance = Provenance(
        source=name,
        retrieved=source.path.stat().st_mtime_ns,
        digest=digest_of(source.path) if digest is None else digest,
        clock="exchange",
        notes=_notes(found, options),
    )
    imports = list(_read(source, found, options, provenance, time.time_ns() if now is None else now))
    for each in imports:
        if found.mislabelled:
            each.told.insert(0, found.mislabelled)
    return imports


def _read(source: Source, found: Found, options: Options, provenance: Provenance, now: int) -> Iterator[Imported]:
    if found.text is not None and not found.text.rows:
        told = ["a line of names and no rows: there is nothing in it"]
        yield Imported(source, FORMATS[found.format], iter(()), provenance, told, Tally())
    elif found.format == "tardis" and found.text is not None:
        yield read_tardis(found.text, options, replace(provenance, clock="received"))
    elif found.format == "hftbacktest":
        yield read_hftbacktest(source, options, provenance)
    elif found.format == "json":
        yield from read_json(source, options, provenance, now)
    elif found.format == "messages":
        yield read_messages(source, options, provenance)
    elif found.format in ("feather", "parquet"):
        yield _columnar(source, found.format, options, provenance)
    elif found.text is not None:
        table = found.text
        dump = found.format in ("bitmex", "bybit")
        facts = dump_facts(table, found.format) if dump else Facts("delimited text")
        if found.format == "bitmex" and source.packing in ("plain", "gzip"):
            yield read_bitmex_dump(table, options, facts, provenance)
            return
        yield read_tabular(table, options, facts, _with_clock(provenance, table.names))
    else:
        raise DataError(f"{source}: {FORMATS[found.format]}, which is not read here")


def _columnar(source: Source, form: str, options: Options, provenance: Provenance) -> Imported:
    table: ArrowTable = open_feather(source) if form == "feather" else open_parquet(source)
    if not table.names:
        raise DataError(f"{source}: expected columns, got a table without any")
    if is_capture(table.names):
        return read_capture_file(table, options, provenance)
    facts = Facts("Parquet" if form == "parquet" else "Feather")
    if table.names[0] in ("date", "timestamp") and set(table.names) <= _FREQTRADE:
        facts = freqtrade_facts(source, facts, table.names, options.venue)
    return read_tabular(table, options, facts, _with_clock(provenance, table.names))


def _with_clock(provenance: Provenance, names: tuple[str, ...]) -> Provenance:
    """Rows that carry the exchange's time beside their own stand at their time of receipt."""
    return replace(provenance, clock="received") if {"exch_ts", "local_timestamp"} & set(names) else provenance


def _notes(found: Found, options: Options) -> tuple[str, ...]:
    """What was decided, for the provenance: options that change what rows become."""
    said: dict[str, Any] = {
        "time unit": options.time_unit,
        "time zone": options.time_zone,
        "stamp": options.stamp,
        "interval": options.interval,
        "map": ", ".join(f"{ours}={theirs}" for ours, theirs in options.mapping.items()),
    }
    return (f"format: {FORMATS[found.format]}", *(f"{name}: {value}" for name, value in said.items() if value))
