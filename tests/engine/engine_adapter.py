"""Run a scenario of ``strategies_for_orders`` through the event loop, and compare with what the slow simulator gets.

The agent is a script in Python, or the same script in compiled code: which targets and requests at which call. Report
currency is USD and every settle currency counts 1 USD, so that amounts of both sides compare directly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from halfspread.costs.fees import Fees
from halfspread.costs.funding import Funding, FundingTable
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.margin import Margin, MarginSchedule, MarginTier
from halfspread.costs.model import Costs
from halfspread.engine import instruments
from halfspread.engine.order_records import CANCEL_REQUEST, REASONS, STATES
from halfspread.engine.result import BacktestResult
from halfspread.engine.run import run_backtest
from halfspread.engine.sizing import FixedContracts
from halfspread.engine.tape import Tape
from tests.engine.reference import Simulation
from tests.engine.reference_terms import (
    BY_MARK,
    FOK,
    HOUR,
    IOC,
    POST_ONLY,
    REDUCE_ONLY,
    Amend,
    Bar,
    Book,
    Cancel,
    CancelAll,
    Decision,
    Event,
    Ledger,
    Request,
    Terms,
    Trade,
    View,
)
from tests.engine.strategies_for_orders import Scenario

#: Contracts that a target of 1 stands for.
FULL = 128.0
WEEK = 168 * HOUR
TABLES = {"book": "book", "quote": "quote", "trade": "trade", "bar_close": "bar"}
REASONS_OF = {
    "": 0, "cancelled": 1, "not finite": 2, "unknown instrument": 3, "off tick": 4, "off lot": 5,
    "too small": 6, "too large": 7, "price": 8, "contradiction": 9, "too many orders": 10, "no market": 11,
    "post only": 12, "reduce only": 13, "ioc": 14,
    "fok": 15, "depth": 16, "unknown order": 17, "insufficient margin": 18, "above tier": 19, "liquidated": 20,
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What an agent was shown at a call."""

    time: int
    equity: float
    positions: tuple[float, ...]
    open_contracts: Mapping[int, float]


@dataclass
class ScriptedAgent:
    """Does what a table says by the number of the call, through the methods of ``Market``."""

    table: Mapping[int, Decision]
    events: tuple[str, ...]
    lookback: int = 0
    seen: list[Seen] = field(default_factory=list)

    def reset(self, rng: Any, instruments: Any) -> None:
        self.seen = []

    def on_bar(self, market: Any) -> None:
        if self.seen and self.seen[-1].time == market.time:
            return  # one call for several kinds of event at one time
        opened = {number: left for view in market.views for number, (left, _) in view.orders.items()}
        contracts = tuple(view.contracts for view in market.views)
        self.seen.append(Seen(market.time, market.equity, contracts, opened))
        decision = self.table.get(len(self.seen) - 1)
        if decision is None:
            return
        for request in decision.requests:
            send(market, request)
        for k, wanted in decision.targets.items():
            market.views[k].target = wanted / FULL

    on_quote = on_book = on_trade = on_bar


def send(market: Any, request: Request) -> None:
    """One request through the methods that agents have."""
    if isinstance(request, Cancel):
        market.cancel(request.order)
    elif isinstance(request, CancelAll):
        market.views[request.instrument].cancel_all()
    elif isinstance(request, Amend):
        given = {"contracts": request.contracts, "price": request.price, "trigger": request.trigger}
        market.amend(request.order, **{name: value for name, value in given.items() if value is not None})
    else:
        prices = [math.nan if price is None else price for price in (request.price, request.trigger)]
        market.views[request.instrument]._send(
            ("market", "limit", "stop", "stop_limit", "take_profit").index(request.kind) + 1,
            request.contracts,
            *prices,
            **{name: bool(request.flags & bit) for name, bit in FLAG_BITS.items()},
        )


FLAG_BITS = {"post_only": POST_ONLY, "reduce_only": REDUCE_ONLY, "ioc": IOC, "fok": FOK, "by_mark": BY_MARK}


def instrument_of(terms: Terms, k: int, basis: str) -> instruments.Instrument:
    """A contract with these terms; its symbol is its number."""
    tiers = [
        MarginTier(
            limit=None if math.isinf(tier.up_to) else tier.up_to,
            initial=1.0 / tier.leverage,
            maintenance=tier.rate,
            deduction=tier.deduction,
        )
        for tier in terms.tiers
    ]
    schedule = MarginSchedule.constant(tiers, basis="entry" if basis == "entry" else "mark") if tiers else None
    common: dict[str, Any] = {
        "multiplier": terms.multiplier, "lot": terms.lot, "tick": terms.tick, "taker": terms.taker,
        "maker": terms.maker, "margin": schedule, "min_contracts": terms.smallest or None,
        "max_contracts": None if math.isinf(terms.largest) else terms.largest,
    }  # fmt: skip
    symbol = f"K{k}"
    if terms.kind == "linear":
        return instruments.linear(symbol, base="BTC", quote="USD", **common)
    if terms.kind == "inverse":
        return instruments.inverse(symbol, base="COIN", quote="USD", **common)
    return instruments.quanto(symbol, base="ETH", quote="USD", settle="COIN", **common)


def _times(events: Sequence[Event]) -> dict[str, Any]:
    exchange = np.array([event.time for event in events], np.int64)
    if all(event.local is None for event in events):
        return {"ts": exchange}
    local = [event.time if event.local is None else event.local for event in events]
    return {"ts": np.array(local, np.int64), "exch_ts": exchange}


def book_table(events: Sequence[Event]) -> dict[str, Any]:
    """Columns of books (bid_1, bid_size_1, ...), or of quotes where they have one level."""
    books = [event.payload for event in events if isinstance(event.payload, Book)]
    quotes = events[0].kind == "quote"
    levels = 1 if quotes else max(max(len(book.bids), len(book.asks)) for book in books)
    table = _times(events)
    for j in range(levels):
        for name, sides in (("bid", [book.bids for book in books]), ("ask", [book.asks for book in books])):
            price, size = (name, f"{name}_size") if quotes else (f"{name}_{j + 1}", f"{name}_size_{j + 1}")
            table[price] = np.array([side[j][0] if j < len(side) else math.nan for side in sides])
            table[size] = np.array([side[j][1] if j < len(side) else 0.0 for side in sides])
    return table


def trade_table(events: Sequence[Event]) -> dict[str, Any]:
    trades = [event.payload for event in events if isinstance(event.payload, Trade)]
    return _times(events) | {
        "price": np.array([trade.price for trade in trades]),
        "size": np.array([trade.size for trade in trades]),
        "side": np.array([trade.side for trade in trades], float),
    }


def bar_table(opens: Sequence[Event]) -> dict[str, Any]:
    bars = [event.payload for event in opens if isinstance(event.payload, Bar)]
    table: dict[str, Any] = {"ts": np.array([event.time for event in opens], np.int64)}
    for name in ("open", "high", "low", "close"):
        table[name] = np.array([getattr(bar, name) for bar in bars])
    return table | {"volume": np.ones(len(bars))}


def funding_table(settled: Sequence[Event], known: Sequence[Event], end: int) -> FundingTable:
    """Settlements, each with an interval that reaches back to the one before it, so that none is missing; the last is
    one that lies after the end. A rate that was published belongs to the next settlement."""
    rows = [(event.time, event.payload, event.time) for event in settled]
    after = end + WEEK
    rows.append((after, 0.0, after))
    for event in known:
        i = next(i for i, row in enumerate(rows) if row[0] > event.time)
        rows[i] = (rows[i][0], event.payload if i == len(rows) - 1 else rows[i][1], event.time)
    times = np.array([row[0] for row in rows], np.int64)
    intervals = np.diff(times, prepend=times[0] - WEEK)
    return FundingTable(
        times, np.array([row[1] for row in rows]), intervals, np.array([row[2] for row in rows], np.int64)
    )


def _prices(events: Sequence[Event]) -> dict[str, Any] | None:
    if not events:
        return None
    return {
        "ts": np.array([event.time for event in events], np.int64),
        "price": np.array([event.payload for event in events]),
    }


def tape_of(scenario: Scenario) -> Tape:
    """The scenario's events as tapes, joined."""
    margin = scenario.settings.margin
    end = max(event.time for event in scenario.events)
    funded = any(event.kind.startswith("funding") for event in scenario.events)
    tapes = []
    for k, terms in enumerate(scenario.terms):
        mine: dict[str, list[Event]] = {}
        for event in sorted((e for e in scenario.events if e.instrument == k), key=lambda event: event.time):
            mine.setdefault(event.kind, []).append(event)
        beside: dict[str, Any] = {
            "funding": funding_table(mine.get("funding", []), mine.get("funding_known", []), end) if funded else None,
            "mark": _prices(mine.get("mark", [])),
            "index": _prices(mine.get("index", [])),
            "gaps": [(event.time, event.time + 1) for event in mine.get("gap", [])],
        }
        instrument = instrument_of(terms, k, "mark" if margin is None else margin.basis)
        trades = trade_table(mine["trade"]) if "trade" in mine else None
        if "book" in mine:
            tapes.append(Tape.from_books(book_table(mine["book"]), instrument, trades=trades, **beside))
        elif "quote" in mine:
            tapes.append(Tape.from_quotes(book_table(mine["quote"]), instrument, trades=trades, **beside))
        elif trades is not None:
            tapes.append(Tape.from_trades(trades, instrument, **beside))
        else:
            length = (mine["bar_close"][0].time - mine["bar_open"][0].time) / 1e9
            tapes.append(Tape.from_bars(bar_table(mine["bar_open"]), instrument, interval=length, **beside))
    return tapes[0] if len(tapes) == 1 else Tape.join(*tapes)


def terms_of_run(scenario: Scenario) -> dict[str, Any]:
    """The other arguments of a run: costs, capital, margin and rules."""
    settings, found = scenario.settings, {event.kind for event in scenario.events}
    halves = {terms.half_spread_at(100.0) for terms in scenario.terms}
    assert len(halves) == 1, "one half-spread for all instruments"
    on_depth = bool(found & {"book", "quote"})
    settles = [terms.settle for terms in scenario.terms]
    margin = settings.margin
    if margin is None:
        rules = Margin.none()
    else:
        make = Margin.cross if margin.mode == "cross" else Margin.isolated
        rules = make(margin.leverage, "extremes" if margin.without_mark == "worst" else "close")
    funding = bool(found & {"funding", "funding_known"})
    return {
        "costs": Costs(
            half_spread=HalfSpread.from_quotes() if on_depth else HalfSpread.price(halves.pop()),
            fees=Fees.venue(),
            funding=Funding.published(missing=0.0) if funding else Funding.none(),
            latency=Latency(
                order=Delay.fixed(f"{settings.order_latency}ns"), response=Delay.fixed(f"{settings.response_latency}ns")
            ),
        ),
        "sizing": FixedContracts(FULL),
        "fill": {"next": None, "this": "this_event", "next_close": "next_close"}[settings.rule],
        "capital": {settle: settings.capital[settle] for settle in settles},
        "report_currency": "USD",
        "rates": {"COIN": 1.0} if "COIN" in settles else {},
        "margin": rules,
        "matching": settings.matching,
        "stale_after": settings.stale_after / 1e9,
    }


def subscriptions(scenario: Scenario) -> tuple[str, ...]:
    """Tables of the scenario, that of the markets first."""
    found = {event.kind for event in scenario.events}
    return tuple(name for kind, name in TABLES.items() if kind in found)


def run_engine(scenario: Scenario, agent: Any = None, **more: Any) -> tuple[BacktestResult, Any]:
    """The result of the event loop, and the agent; ``more``: further arguments of the run."""
    agent = agent or ScriptedAgent(scenario.table, subscriptions(scenario))
    return run_backtest(tape_of(scenario), agent, **terms_of_run(scenario), **more), agent


def run_reference(scenario: Scenario) -> tuple[Ledger, list[Seen]]:
    """The ledger of the slow simulator, and what its agent was shown: called once every instrument that has
    the table of its history has a row of it."""
    market = {"book": "book", "quote": "quote", "trade": "trade", "bar": "bar_close"}[subscriptions(scenario)[0]]
    waiting = {event.instrument for event in scenario.events if event.kind == market}
    seen: list[Seen] = []

    def decide(view: View) -> Decision | None:
        waiting.difference_update(event.instrument for event in view.events if event.kind == market)
        if waiting:
            return None
        seen.append(Seen(view.time, simulation.known_equity(view), view.positions, view.open_contracts))
        return scenario.table.get(len(seen) - 1)

    simulation = Simulation(scenario.events, decide, scenario.terms, scenario.settings)
    return simulation.run(), seen


def close(found: float, wanted: float, scale: float) -> bool:
    """Equal to a billionth of the larger of both and the scale of the sums they came from."""
    return abs(found - wanted) <= 1e-9 * max(abs(found), abs(wanted), scale)


def differences(scenario: Scenario, agent: Any = None) -> list[str]:
    """What the event loop and the slow simulator do not agree on; empty where they do."""
    ledger, views = run_reference(scenario)
    result, agent = run_engine(scenario, agent)
    found: list[str] = []
    _compare_fills(ledger, result, found)
    _compare_orders(ledger, result, found)
    if hasattr(agent, "seen"):
        _compare_views(scenario, views, agent.seen, found)
    turnover = sum(abs(f.contracts * scenario.terms[f.instrument].value(f.price)) for f in ledger.fills)
    for k, wanted in enumerate(ledger.attribution):
        mine = result.attribution_by_instrument[result.instruments[k].name]
        for name, amount in wanted.items():
            if not close(mine[name], amount, turnover):
                found.append(f"attribution {k} {name}: engine {mine[name]!r}, reference {amount!r}")
    counts = {
        "fills_by_choice": ledger.choice_fills,
        "orders_missed_by_choice": ledger.choice_missed,
        "liquidations": ledger.liquidations,
        "refused_targets": sum(refusal.order == 0 for refusal in ledger.refusals),
    }
    for name, count in counts.items():
        if result.counts[name] != count:
            found.append(f"{name}: engine {result.counts[name]}, reference {count}")
    return found


def _compare_fills(ledger: Ledger, result: BacktestResult, found: list[str]) -> None:
    records = result.fill_records
    if len(records) != len(ledger.fills):
        found.append(f"fills: engine {len(records)}, reference {len(ledger.fills)}")
    for i, (mine, wanted) in enumerate(zip(records, ledger.fills, strict=False)):
        exact = (
            int(mine["time"]), int(mine["decision_time"]), int(mine["instrument"]), float(mine["contracts"]),
            float(mine["position_after"]), bool(mine["maker"]), max(int(mine["order"]), 0), int(mine["order"]) < 0,
        )  # fmt: skip
        expected = (
            wanted.time, wanted.decided, wanted.instrument, wanted.contracts, wanted.position_after, wanted.maker,
            wanted.order, wanted.liquidation,
        )  # fmt: skip
        if exact != expected:
            found.append(f"fill {i}: engine {exact}, reference {expected}")
        amounts = ("price", "reference", "half_spread", "impact", "fee")
        pairs = [(name, float(mine[name]), float(getattr(wanted, name))) for name in amounts]
        pairs.append(("liquidation", float(mine["liquidation"]), wanted.liquidated))
        for name, got, amount in pairs:
            if not close(got, amount, float(mine["value"]) if name not in ("price", "reference") else 0.0):
                found.append(f"fill {i} {name}: engine {got!r}, reference {amount!r}")


def _compare_orders(ledger: Ledger, result: BacktestResult, found: list[str]) -> None:
    records = result.order_records
    orders, requests = records[records["kind"] != CANCEL_REQUEST], records[records["kind"] == CANCEL_REQUEST]
    if len(orders) != len(ledger.orders):
        found.append(f"orders: engine {len(orders)}, reference {len(ledger.orders)}")
    for mine, wanted in zip(orders, ledger.orders, strict=False):
        got = (
            int(mine["id"]), STATES[mine["state"]], REASONS[mine["reason"]], float(mine["filled"]), int(mine["sent"]),
            int(mine["done"]),
        )  # fmt: skip
        expected = (
            wanted.id, wanted.status, REASONS[REASONS_OF[wanted.reason]], wanted.filled, wanted.sent, wanted.ended or 0
        )  # fmt: skip
        if got != expected:
            found.append(f"order {wanted.id}: engine {got}, reference {expected}")
        average = ledger.average_prices.get(wanted.id)
        if average is not None and int(mine["done"]) and not close(float(mine["average_price"]), average, 0.0):
            found.append(f"order {wanted.id} average: engine {mine['average_price']!r}, reference {average!r}")
    refused = sorted((int(line["done"]), int(line["id"]), int(line["reason"])) for line in requests)
    expected_refusals = sorted((r.time, r.order, REASONS_OF[r.reason]) for r in ledger.refusals if r.order)
    if refused != expected_refusals:
        found.append(f"refusals: engine {refused}, reference {expected_refusals}")


def _compare_views(scenario: Scenario, views: Sequence[Seen], seen: Sequence[Seen], found: list[str]) -> None:
    if [view.time for view in views] != [view.time for view in seen]:
        found.append(f"calls: engine {[v.time for v in seen]}, reference {[v.time for v in views]}")
        return
    scale = sum(scenario.settings.capital.values())
    for i, (mine, wanted) in enumerate(zip(seen, views, strict=True)):
        if not close(mine.equity, wanted.equity, scale):
            found.append(f"call {i} equity: engine {mine.equity!r}, reference {wanted.equity!r}")
        if mine.positions != wanted.positions:
            found.append(f"call {i} positions: engine {mine.positions}, reference {wanted.positions}")
        if dict(mine.open_contracts) != dict(wanted.open_contracts):
            found.append(f"call {i} open: engine {mine.open_contracts}, reference {wanted.open_contracts}")


def with_settings(scenario: Scenario, **changes: Any) -> Scenario:
    """The scenario under other settings."""
    return replace(scenario, settings=replace(scenario.settings, **changes))
