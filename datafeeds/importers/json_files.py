"""JSON as CCXT returns it and freqtrade stores it: bars as lists, funding rates and trades as objects.

Numbers keep their text until they are converted once. Files of freqtrade are told by their names: BTC_USDT_USDT-5m-
futures.json is pair, length and what the candles are of. Its funding rates stand in the column open, or since 2026
alone; they are stored as settlements. No bar is dropped by guess: only one that ends after now cannot be complete.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from halfspread.datafeeds.importers.archives import Source
from halfspread.datafeeds.importers.arrow_tables import open_records
from halfspread.datafeeds.importers.generic import Facts, read_tabular
from halfspread.datafeeds.importers.imported import Imported
from halfspread.datafeeds.importers.options import Options
from halfspread.datafeeds.importers.pairs import Pair, pair_of
from halfspread.datafeeds.store.series import Provenance
from halfspread.errors import DataError

__all__ = ["MAX_JSON", "freqtrade_facts", "load", "read_json"]

#: Bytes of JSON that are read at once.
MAX_JSON = 512 * 2**20
_BARS = ("date", "open", "high", "low", "close", "volume")
_TRADES = ("timestamp", "id", "type", "side", "price", "amount", "cost")
_FREQTRADE = re.compile(
    r"(?P<pair>[A-Za-z0-9_]+?)-(?:(?P<length>\d+[smhdwM]o?)(?:-(?P<candles>[A-Za-z_]+))?|(?P<trades>trades))\.\w+"
)
_CANDLES = {"": "bars", "futures": "bars", "mark": "mark", "index": "index", "premiumIndex": "premium"}
_RATES = "funding_rate"
#: Folders of freqtrade that are names of exchanges.
_EXCHANGES = ("bybit", "bitmex", "binance", "okx", "gate", "kraken", "bitget")


def load(source: Source) -> Any:
    """What a JSON file holds. Raises DataError."""
    with source.open() as stream:
        data = stream.read(MAX_JSON)
        if stream.read(1):
            raise DataError(f"{source}: JSON of more than {MAX_JSON:,} bytes is not read at once; cut it into parts")
    try:
        return json.loads(data, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        at = f"line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(
            f"{source}: not readable as JSON ({at}); it may have been cut short; download it again"
        ) from None


def read_json(source: Source, options: Options, provenance: Provenance, now: int) -> list[Imported]:
    """Each list of a JSON file, read. Raises DataError for what is none of the shapes that are known."""
    data = load(source)
    named = _FREQTRADE.fullmatch(source.name)
    lists = data if isinstance(data, dict) and _is_lists(data) else {"": data}
    found = []
    for name, rows in lists.items():
        if rows == []:
            raise DataError(f"{source}: expected rows, got an empty list; download it again")
        records, facts = _shape(source, name, rows, named is not None)
        if facts.format.startswith("freqtrade"):
            facts = freqtrade_facts(source, facts, tuple(records[0]), options.venue)
        facts = _of_pair(source, records, facts, options)
        if facts.kind == "bars":
            records, facts = _complete(records, facts, options, now)
        found.append(read_tabular(open_records(source, records), options, facts, provenance))
    return found


def freqtrade_facts(source: Source, facts: Facts, columns: tuple[str, ...], venue: str | None = None) -> Facts:
    """What the name of a freqtrade file says: BTC_USDT_USDT-5m-futures.feather. Raises DataError where it says
    nothing."""
    name = _FREQTRADE.fullmatch(source.name)
    if name is None:
        return facts
    parts = name["pair"].split("_")
    pair = Pair(*parts) if len(parts) == 3 else Pair(parts[0], parts[1], None) if len(parts) == 2 else None
    folder = source.path.parent
    above = folder.parent.name if folder.name == "futures" else ""
    venue = (venue or facts.venue or (above if above in _EXCHANGES else "")).lower()
    facts = replace(facts, format="freqtrade", venue=venue or None)
    if pair is not None:
        facts = replace(facts, symbol=pair.symbol(venue))
        if not pair.settle:
            facts = replace(facts, told=(*facts.told, f"its name says the spot market {pair}, which is no contract"))
    if name["trades"]:
        return replace(facts, kind="trades")
    candles = name["candles"] or ""
    if candles == _RATES:
        rate = "funding_rate" if "funding_rate" in columns else "open"
        return replace(facts, kind="funding", mapping={"ts": "date", "rate": rate})
    if candles not in _CANDLES:
        known = ", ".join([*_CANDLES, _RATES][1:])
        raise DataError(f"{source}: expected candles of {known} by its name, got {candles!r}; give it --format csv")
    length = name["length"].replace("Mo", "M")
    if length.endswith("M"):
        raise DataError(f"{source}: bars of a month have no one length, and are not stored")
    return replace(facts, kind=_CANDLES[candles], interval=length, stamp="open", volume="CCXT")


def _shape(source: Source, name: str, rows: Any, freqtrade: bool) -> tuple[list[dict[str, Any]], Facts]:
    """Records and what they are."""
    if isinstance(rows, dict) and "retCode" in rows:
        raise DataError(
            f"{source}: an answer of Bybit's REST interface; halfspread data fetch bybit SYMBOL asks for these itself"
        )
    if isinstance(rows, dict) and {"topic", "table"} & set(rows):
        raise DataError(f"{source}: a message over several lines; write each message on one line of a file")
    if not isinstance(rows, list):
        raise DataError(f"{source}: expected a list of bars, funding rates or trades, got {_what(rows)}")
    first = rows[0]
    widths = {len(row) if isinstance(row, list) else -1 for row in rows}
    if isinstance(first, list) and len(widths) == 1:
        width = widths.pop()
        if width == 7 and isinstance(first[3], (str, type(None))):
            return _records(rows, _TRADES), Facts("freqtrade trades", kind="trades")
        if width == 6:
            form = "freqtrade bars" if freqtrade else "CCXT bars"
            return _records(rows, _BARS), Facts(form, kind="bars", stamp="open", mapping={"ts": "date"}, volume="CCXT")
        if width == 2 and freqtrade:
            return _records(rows, ("date", "funding_rate")), Facts("freqtrade rates", kind="funding")
        raise DataError(f"{source}: expected bars of 6 values (time, open, high, low, close, volume), got {width}")
    if isinstance(first, list):
        row = next((i for i, each in enumerate(rows) if not isinstance(each, list) or len(each) != len(first)), 0)
        raise DataError(
            f"{source}: row {row}: expected {len(first)} values as in the first row, got {_what(rows[row])}"
        )
    odd = next((i for i, row in enumerate(rows) if not isinstance(row, dict)), None)
    if odd is not None:
        raise DataError(f"{source}: row {odd}: expected an object as in the first row, got {_what(rows[odd])}")
    if "fundingRate" in first and "timestamp" in first and "symbol" in first and "/" in str(first["symbol"]):
        mapping = {"ts": "timestamp", "rate": "fundingRate"}
        return _only(rows, ("symbol", *mapping.values())), Facts("CCXT funding rates", kind="funding", mapping=mapping)
    if {"timestamp", "price", "amount", "side", "symbol"} <= set(first):
        names = {"ts": "timestamp", "size": "amount", "trade_id": "id"}
        wanted = ("symbol", "timestamp", "price", "amount", "side", "id")
        return _only(rows, wanted), Facts("CCXT trades", kind="trades", mapping=names)
    return rows, _venue_facts(first)


def _venue_facts(first: dict[str, Any]) -> Facts:
    """Rows as BitMEX answers them, or objects with names of columns."""
    if {"fundingInterval", "fundingRateDaily"} <= set(first):
        return Facts("BitMEX funding", venue="bitmex", kind="funding", mapping={"rate": "fundingRate"})
    if {"homeNotional", "foreignNotional", "open", "close"} <= set(first):
        return Facts("BitMEX bars", venue="bitmex", kind="bars", stamp="close")
    if {"trdMatchID", "grossValue"} <= set(first):
        return Facts("BitMEX trades", venue="bitmex", kind="trades", mapping={"trade_id": "trdMatchID"})
    return Facts("JSON objects")


def _of_pair(source: Source, records: list[dict[str, Any]], facts: Facts, options: Options) -> Facts:
    """The symbol at the venue, of a name such as BTC/USDT:USDT."""
    if not facts.format.startswith("CCXT"):
        return facts
    venue = (options.venue or facts.venue or "").lower()
    for record in records:
        pair = pair_of(str(record.get("symbol") or ""))
        if pair is not None:
            record["symbol"] = pair.symbol(venue) or record["symbol"]
    if facts.kind == "bars" and venue == "bitmex":
        told = "CCXT stamps bars of BitMEX with their open unless it was told otherwise; if it was: --stamp close"
        facts = replace(facts, told=(*facts.told, told))
    return facts


def _complete(
    records: list[dict[str, Any]], facts: Facts, options: Options, now: int
) -> tuple[list[dict[str, Any]], Facts]:
    """Bars without those that cannot be complete, since they open after now less their length."""
    stamps = [record["date"] for record in records if isinstance(record.get("date"), int)]
    if len(stamps) < 3:
        return records, facts
    length = min(later - earlier for earlier, later in zip(sorted(stamps), sorted(stamps)[1:], strict=False))
    kept = [r for r in records if not (isinstance(r.get("date"), int) and (r["date"] + length) * 1_000_000 > now)]
    if len(kept) == len(records) or not kept:
        return records, facts
    told = f"{len(records) - len(kept)} bar(s) that are not over yet were left out"
    return kept, replace(facts, told=(*facts.told, told))


def _is_lists(data: dict[str, Any]) -> bool:
    """Whether an object holds lists of CCXT by name."""
    return bool(data) and all(isinstance(value, list) for value in data.values())


def _records(rows: list[Any], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _only(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{name: row.get(name) for name in names} for row in rows]


def _what(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object with {', '.join(list(value)[:6]) or 'nothing'}"
    return f"a list of {len(value)}" if isinstance(value, list) else repr(value)[:60]


def _constant(text: str) -> None:
    return None  # NaN and the infinities are missing values
