"""A contract from saved rules: its numbers, and since when they are known."""

from __future__ import annotations

from typing import Any

import pytest

from halfspread.costs.margin import MAX_TIERS
from halfspread.datafeeds.bybit.instrument import instrument_of, stored_instrument
from halfspread.datafeeds.store.documents import Document
from halfspread.datafeeds.store.series import Provenance
from halfspread.datafeeds.store.store import Store
from halfspread.engine.times import DAY, SECOND
from halfspread.errors import DataError, UserError

T0 = 1_704_067_200 * SECOND
RULES: dict[str, Any] = {
    "category": "linear",
    "symbol": "SOLUSDT",
    "contractType": "LinearPerpetual",
    "status": "Trading",
    "baseCoin": "SOL",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "fundingInterval": 240,
    "priceFilter": {"tickSize": "0.010"},
    "lotSizeFilter": {"qtyStep": "0.1", "minOrderQty": "0.2", "maxOrderQty": "90000.0"},
}


def document(content: Any, time: int = T0) -> Document:
    return Document(time, content, Provenance("test", time))


def tier(value: int, initial: float, maintenance: float, deduction: str = "") -> dict[str, Any]:
    return {"symbol": "SOLUSDT", "riskLimitValue": str(value), "initialMargin": initial,
            "maintenanceMargin": maintenance, "mmDeduction": deduction}  # fmt: skip


def test_rules_become_an_instrument_without_fees() -> None:
    found = instrument_of([document(RULES)])
    assert (found.name, found.kind, found.multiplier, found.tick, found.lot) == (
        "bybit:SOLUSDT",
        "linear",
        1.0,
        0.01,
        0.1,
    )
    assert (found.min_contracts, found.max_contracts, found.funding_interval_hours) == (0.2, 90_000.0, 4)
    assert found.fees is None
    assert found.margin is None
    assert set(found.unverified(T0, T0 + DAY)) >= {"tick", "lot"}


def test_margin_tiers_are_those_of_the_venue() -> None:
    tiers = [tier(2_000_000, 0.02, 0.01, "5000"), tier(1_000_000, 0.01, 0.005)]
    found = instrument_of([document(RULES)], [document(tiers)])
    assert found.margin is not None
    low, high = found.margin.at(T0).tiers
    assert (low.limit, low.initial, low.maintenance, low.deduction) == (1_000_000.0, 0.01, 0.005, None)
    assert (high.limit, high.initial, high.maintenance, high.deduction) == (None, 0.02, 0.01, 5000.0)


def test_more_tiers_than_a_run_has_room_for_are_cut() -> None:
    tiers = [tier(row * 1000, 0.01 + row * 1e-3, 0.005 + row * 1e-3) for row in range(1, MAX_TIERS + 9)]
    found = instrument_of([document(RULES)], [document(tiers)])
    assert found.margin is not None
    assert len(found.margin.at(T0).tiers) == MAX_TIERS


def test_a_changed_tick_holds_from_the_day_it_was_seen() -> None:
    later = {**RULES, "priceFilter": {"tickSize": "0.001"}}
    found = instrument_of([document(RULES), document(RULES, T0 + DAY), document(later, T0 + 9 * DAY)])
    assert len(found.ticks) == 2
    assert (found.tick_at(T0 + 8 * DAY), found.tick_at(T0 + 9 * DAY)) == (0.01, 0.001)


def test_fees_are_those_of_the_preset_where_there_is_one() -> None:
    rules = {**RULES, "symbol": "BTCUSDT", "baseCoin": "BTC"}
    assert instrument_of([document(rules)]).fees is not None


def test_a_dated_contract_says_what_it_is() -> None:
    found = instrument_of([document({**RULES, "contractType": "LinearFutures", "status": "Closed"})])
    assert any("no funding" in note for note in found.notes)
    assert any("Closed" in note for note in found.notes)


@pytest.mark.parametrize("name", ["priceFilter", "lotSizeFilter", "category"])
def test_rules_that_say_too_little_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"its saved rules cannot be read .* --kind instrument"):
        instrument_of([document({key: value for key, value in RULES.items() if key != name})])
    with pytest.raises(UserError, match=r"cannot be read|kind: Input should be"):
        instrument_of([document({**RULES, name: {"tickSize": "x", "qtyStep": ""}})])


def test_a_store_without_rules_has_no_instrument(tmp_path: Any) -> None:
    store = Store(tmp_path)
    assert stored_instrument(store, "SOLUSDT") is None
    store.save_document("bybit", "SOLUSDT", "instrument", RULES, Provenance("test", T0))
    found = stored_instrument(store, "SOLUSDT")
    assert found is not None
    assert found.tick == 0.01
