"""A contract of Bybit as an instrument, from the rules and margin tiers that were saved with its data.

The venue gives today's rules only: each saved copy holds from the day it was taken, the oldest one also before, which
is not verified. Fees are not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from halfspread.datafeeds.bybit.client import Category
from halfspread.datafeeds.bybit.values import number, optional_number, shown
from halfspread.datafeeds.net.http import NotTrustedError
from halfspread.datafeeds.store.documents import Document
from halfspread.datafeeds.store.store import Store
from halfspread.engine.instrument import Instrument
from halfspread.engine.presets_bybit import PRESETS
from halfspread.engine.times import SECOND
from halfspread.errors import DataError

__all__ = ["instrument_of", "stored_instrument"]

#: Room that a run has for them (`costs.margin.MAX_TIERS`).
_MOST_TIERS = 32
_OLDER = "as of the day it was fetched first; what held before is not known"
_CHANGED = "seen on the day it was fetched; the date of the change is not known"


def stored_instrument(store: Store, symbol: str) -> Instrument | None:
    """The contract as its saved documents describe it, None where the store has none. Raises DataError."""
    rules = store.documents("bybit", symbol, "instrument")
    return instrument_of(rules, store.documents("bybit", symbol, "risk_limits")) if rules else None


def instrument_of(rules: Sequence[Document], tiers: Sequence[Document] = ()) -> Instrument:
    """The contract by copies of its rules, the oldest first, and of its margin tiers. Fees are those of the preset of
    the same name, where there is one, else unknown. Raises DataError for documents that do not say enough."""
    latest: dict[str, Any] = rules[-1].content
    symbol = str(latest.get("symbol"))
    try:
        ticks = _periods(rules, "tick", lambda row: _of(row, "priceFilter", "tickSize"))
        lots = _periods(rules, "lot", lambda row: _of(row, "lotSizeFilter", "qtyStep"))
        margins = _periods(tiers, "tiers", _tiers)
        limits = latest.get("lotSizeFilter") or {}
        least = optional_number(limits.get("minOrderQty"), "minOrderQty")
        most = optional_number(limits.get("maxOrderQty"), "maxOrderQty")
        minutes = optional_number(latest.get("fundingInterval"), "fundingInterval")
        category: Category = latest["category"]
    except (NotTrustedError, KeyError, AttributeError, TypeError) as error:
        raise DataError(
            f"bybit:{symbol}: its saved rules cannot be read ({error}); fetch --kind instrument again"
        ) from error
    preset = next((each for each in PRESETS if each.symbol == symbol), None)
    fields: dict[str, Any] = {
        "venue": "bybit",
        "symbol": symbol,
        "kind": category,
        "base": latest.get("baseCoin"),
        "quote": latest.get("quoteCoin"),
        "settle": latest.get("settleCoin"),
        "multiplier": 1.0,
        "ticks": ticks,
        "lots": lots,
        "margin": {"periods": margins} if margins else None,
        "fees": preset.fees if preset else None,
        "min_contracts": least,
        "max_contracts": most,
        "funding_interval_hours": max(round((minutes or 480) / 60), 1),
        "notes": tuple(_notes(latest)),
    }
    return Instrument(**fields)


def _periods(documents: Iterable[Document], name: str, read: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """Each value as a period: from the day on which it was seen first, the first one always."""
    found: list[dict[str, Any]] = []
    for document in documents:
        value = read(document.content)
        if not found:
            found.append({name: value, "verified": False, "note": _OLDER})
        elif found[-1][name] != value:
            start = datetime.fromtimestamp(document.time // SECOND, UTC)
            found.append({name: value, "start": start, "verified": False, "note": _CHANGED})
    return found


def _of(row: dict[str, Any], group: str, name: str) -> float:
    return number(row[group][name], name)


def _tiers(rows: Any) -> list[dict[str, float | None]]:
    """Margin tiers of risk-limit, as many as a run has room for; the last one is taken to hold for any value above."""
    if not isinstance(rows, list) or not rows:
        raise NotTrustedError(f"risk_limits: expected rows, got {shown(rows)}")
    kept = sorted(rows, key=lambda row: number(row["riskLimitValue"], "riskLimitValue"))[:_MOST_TIERS]
    return [
        {
            "limit": None if row is kept[-1] else number(row["riskLimitValue"], "riskLimitValue"),
            "initial": number(row["initialMargin"], "initialMargin"),
            "maintenance": number(row["maintenanceMargin"], "maintenanceMargin"),
            "deduction": optional_number(row.get("mmDeduction"), "mmDeduction") or None,
        }
        for row in kept
    ]


def _notes(row: dict[str, Any]) -> Iterable[str]:
    if "Perpetual" not in str(row.get("contractType")):
        yield f"a dated contract ({row.get('contractType')}): it has no funding, and what it settles at is not modelled"
    if row.get("status") != "Trading":
        yield f"the venue says that it is {row.get('status')}"
