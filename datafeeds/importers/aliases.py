"""Names that files give to the columns of each kind, and which kind a table's columns make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from halfspread.datafeeds.store.kinds import FAMILIES, Kind, kind_of
from halfspread.errors import ConfigError, DataError

__all__ = ["Matched", "family_of", "matched", "plain_name"]

_TIMES = ("ts", "timestamp", "time", "date", "datetime", "timestampms", "unixtimestamp", "unix", "timestampns")
_OPEN_TIMES = ("opentime", "starttime", "start", "begin", "candlebegintime")
_CLOSE_TIMES = ("closetime", "endtime", "end")
_MONEY = {"price": ("price", "p", "px"), "size": ("size", "qty", "quantity", "amount", "contracts", "q")}

#: Of each family of kinds, our columns with the names (small letters and digits only) that files give them.
ALIASES: dict[str, dict[str, tuple[str, ...]]] = {
    "bars": {
        "ts": (*_TIMES, *_OPEN_TIMES),
        "open": ("open", "o", "openprice"),
        "high": ("high", "h", "highprice"),
        "low": ("low", "l", "lowprice"),
        "close": ("close", "c", "closeprice"),
        "volume": ("volume", "vol", "v"),
        "turnover": ("turnover", "quotevolume", "quoteassetvolume"),
        "trades": ("trades", "count", "numberoftrades", "tradecount", "numtrades"),
        "vwap": ("vwap",),
        "last_size": ("lastsize",),
        **{f"{side}_{end}": (f"{side}{end}",) for end in ("open", "close") for side in ("bid", "ask")},
    },
    "funding": {
        "ts": (*_TIMES, "fundingtime", "fundingratetimestamp", "calctime", "fundingtimestamp"),
        "rate": ("rate", "fundingrate", "lastfundingrate"),
        "interval_h": ("intervalh", "fundingintervalhours", "fundingintervalhour"),
        "known_ts": ("knownts",),
    },
    "trades": {
        "ts": (*_TIMES, "tradetime", "transacttime", "t"),
        "exch_ts": ("exchts", "exchangetime", "exchangetimestamp", "exchtime"),
        "price": _MONEY["price"],
        "size": (*_MONEY["size"], "volume", "v"),
        "side": ("side", "takerside", "aggressor", "aggressorside", "isbuyermaker"),
        "trade_id": ("tradeid", "id", "trdmatchid", "execid", "aggtradeid"),
        "block": ("block", "isblocktrade"),
        "rpi": ("rpi", "isrpitrade"),
    },
    "quotes": {
        "ts": (*_TIMES, "transacttime"),
        "exch_ts": ("exchts", "exchangetime", "exchangetimestamp", "exchtime", "eventtime"),
        "bid": ("bid", "bidprice", "bestbid", "bestbidprice"),
        "bid_size": ("bidsize", "bidqty", "bidamount", "bestbidqty", "bestbidsize"),
        "ask": ("ask", "askprice", "bestask", "bestaskprice"),
        "ask_size": ("asksize", "askqty", "askamount", "bestaskqty", "bestasksize"),
    },
    "open_interest": {
        "ts": (*_TIMES, "createtime"),
        "open_interest": ("openinterest", "sumopeninterest", "openinterestamount"),
        "one_sided": ("onesided", "singleopeninterest"),
    },
    "liquidations": {
        "ts": _TIMES,
        "exch_ts": ("exchts", "exchangetime"),
        "side": ("side",),
        "price": _MONEY["price"],
        "size": _MONEY["size"],
        "trade_id": ("tradeid", "id"),
    },
    "tickers": {
        "ts": _TIMES,
        "exch_ts": ("exchts", "exchangetime"),
        "mark": ("mark", "markprice"),
        "index": ("index", "indexprice"),
        "last": ("last", "lastprice"),
        "open_interest": ("openinterest",),
        "funding_rate": ("fundingrate",),
        "predicted_rate": ("predictedrate", "predictedfundingrate"),
        "funding_ts": ("fundingts", "fundingtimestamp", "nextfundingtime"),
    },
}
#: What a table without --kind is told by, the most telling first.
_TELLING = {
    "bars": ("open", "high", "low", "close"),
    "quotes": ("bid", "ask"),
    "funding": ("rate",),
    "trades": ("price", "size"),
    "open_interest": ("open_interest",),
}


@dataclass(frozen=True)
class Matched:
    """``family``: kind without its interval. ``columns``: ours to the file's. ``symbol``: a column that names the
    contract. ``left``: columns that nothing was done with."""

    family: str
    columns: Mapping[str, str]
    symbol: str | None
    left: tuple[str, ...]


def plain_name(name: str) -> str:
    """Small letters and digits of a name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def family_of(kind: str) -> str:
    """bars of bars_5m, books of books_25; other kinds are their own."""
    family = kind.rsplit("_", 1)[0]
    return family if family in FAMILIES and kind not in FAMILIES else kind


def matched(names: Sequence[str], kind: str | None, mapping: Mapping[str, str], what: str) -> Matched:
    """Which columns of a table are which of ours. Raises DataError where that is not sure, naming the option that
    settles it."""
    for ours, theirs in mapping.items():
        if theirs not in names:
            raise ConfigError(f"--map {ours}={theirs}: {what} has no such column; it has {', '.join(names)}")
    family = family_of(kind) if kind else _family(names, mapping, what)
    known = _known(family, kind, names)
    unknown = sorted(set(mapping) - set(known) - {"time", "symbol"})
    if unknown:
        raise ConfigError(f"--map {unknown[0]}=: expected a column of {kind or family} ({', '.join(known)})")
    wanted = {("ts" if ours == "time" else ours): theirs for ours, theirs in mapping.items()}
    used = set(wanted.values())
    columns: dict[str, str] = {}
    for ours, aliases in known.items():
        found = [name for name in names if plain_name(name) in (*aliases, plain_name(ours)) and name not in used]
        exact = [name for name in found if name == ours]
        if ours in wanted:
            columns[ours] = wanted[ours]
        elif exact or len(found) == 1:
            columns[ours] = (exact or found)[0]
        elif found:
            raise DataError(
                f"{what}: column {ours}: expected one, got {', '.join(found)}; say which: --map {ours}={found[0]}"
            )
    symbol = wanted.get("symbol") or next((name for name in names if plain_name(name) in ("symbol", "pair")), None)
    left = tuple(name for name in names if name not in columns.values() and name != symbol)
    return Matched(family, columns, symbol, left)


def _known(family: str, kind: str | None, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns of a family with the names they go by."""
    if family in ("mark", "index", "premium"):
        return {name: ALIASES["bars"][name] for name in ("ts", "open", "high", "low", "close")}
    if family == "books":
        levels = _levels(names) if kind in (None, "books") else kind_of(kind or "").levels
        return {"ts": _TIMES, "exch_ts": ("exchts",)} | {n: (plain_name(n),) for n in books(levels).names[2:]}
    if family not in ALIASES:
        raise DataError(
            f"--kind {family}: is not read from a table of columns; give the file of tardis, hftbacktest or a capture"
        )
    return ALIASES[family]


def books(levels: int) -> Kind:
    """The kind of snapshots with so many levels."""
    return kind_of(f"books_{max(levels, 1)}")


def _levels(names: Sequence[str]) -> int:
    return max((int(found[1]) for name in names if (found := re.fullmatch(r"bid_?(\d+)", name))), default=0)


def _family(names: Sequence[str], mapping: Mapping[str, str], what: str) -> str:
    plain = {plain_name(name) for name in names}
    fitting = ["books"] if _levels(names) else []
    fitting += [
        family
        for family, needed in _TELLING.items()
        if all(ours in mapping or plain & set(ALIASES[family][ours]) for ours in needed)
    ]
    if "bars" in fitting:  # bars may carry quotes, and rates, beside
        fitting = ["bars"]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise DataError(f"{what}: could be {' or '.join(fitting)}; say which with --kind")
    raise DataError(
        f"{what}: expected columns of bars, trades, quotes, funding or open interest, got {', '.join(names)[:300]}; "
        "say what they are with --kind and --map, as --kind trades --map ts=NAME --map price=NAME"
    )
