"""The terms of a run, checked against the tape before the first event: costs, sizing, currency, capital, funding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from halfspread.costs.funding import FundingTable, complete
from halfspread.costs.latency import Latency
from halfspread.costs.margin import Margin
from halfspread.costs.model import Costs
from halfspread.engine.codes import (
    BY_SERIES,
    NEXT_CLOSE,
    NEXT_OPEN,
    OPTIMISTIC,
    PESSIMISTIC,
    THIS_CLOSE,
)
from halfspread.engine.feed import Feed
from halfspread.engine.instruments import Instrument
from halfspread.engine.purses import Purse, base_notional, common_quote, open_purses, with_capital
from halfspread.engine.recorder import recording_period
from halfspread.engine.side_data import Beside, refuse_stale
from halfspread.engine.sizing import EquityFraction, FixedContracts, FixedNotional, Sizing
from halfspread.engine.tape import Tape
from halfspread.engine.times import DAY, HOUR, parse_interval
from halfspread.errors import ConfigError, DataError

__all__ = ["CONVENTIONS", "Execution", "Terms", "agree_terms"]

CONVENTIONS = {
    "next_open": NEXT_OPEN,
    "this_close": THIS_CLOSE,
    "next_close": NEXT_CLOSE,
    "next_event": NEXT_OPEN,
    "this_event": THIS_CLOSE,
}
MATCHING = {"pessimistic": PESSIMISTIC, "optimistic": OPTIMISTIC}


@dataclass(frozen=True)
class Execution:
    """How decisions become fills. ``fill``: None stands for next_open on bars, next_event on all else. ``matching``:
    what is assumed where the data cannot tell. ``stale_after``: quotes or books that stand still for longer are a gap
    (nanoseconds, 0: never)."""

    fill: str | None = None
    matching: str = "pessimistic"
    margin: Margin = field(default_factory=Margin.cross)
    stale_after: int = HOUR


@dataclass(frozen=True)
class Terms:
    """What a run is charged and how it is measured; amounts in report currency.

    ``notional``: base of the constant-notional view. ``period``: nanoseconds between two lines of the attribution.
    ``beside``: what stands beside the tables of each instrument, with settlements complete where they are charged;
    ``filled_in``: times of those that the policy filled in.
    """

    costs: Costs
    sizing: Sizing
    execution: Execution
    fill: str
    currency: str
    purses: tuple[Purse, ...]
    notional: float
    capital: float
    period: int
    beside: tuple[Beside, ...]
    filled_in: list[int]

    def purse_of(self, instrument: Instrument) -> int:
        """Which account an instrument settles in."""
        return next(i for i, purse in enumerate(self.purses) if purse.settle == instrument.settle)


def agree_terms(
    tape: Tape,
    costs: Costs,
    sizing: Sizing,
    execution: Execution,
    capital: float | Mapping[str, float] | None,
    report_currency: str | None,
    rates: Mapping[str, float] | None,
    period: str | None,
) -> Terms:
    """Check what was asked for against the tape. Raises ConfigError or DataError with what to change."""
    _refuse_wrong_types(tape, costs, sizing, execution)
    fill = _fill(tape, execution, costs.latency)
    if execution.matching not in MATCHING:
        raise ConfigError(f"matching: expected one of {', '.join(MATCHING)}, got {execution.matching!r}")
    currency = report_currency or common_quote(tape)
    purses = open_purses(tape, currency, dict(rates or {}))
    for feed in tape.feeds:
        _refuse_feed_latency(feed, costs.latency)
        _refuse_costs_without_data(feed, costs)
        _refuse_leverage(feed, execution.margin)
        for name, prices in (("mark", feed.mark), ("index", feed.index), ("settle currency", feed.settle_price)):
            if prices is not None:
                refuse_stale(prices, name, feed.start_ns, feed.end_ns)
    notional = base_notional(tape, sizing, capital, purses)
    purses = with_capital(purses, capital, notional)
    beside, filled_in = _beside(tape, costs, purses)
    return Terms(
        costs=costs,
        sizing=sizing,
        execution=execution,
        fill=fill,
        currency=currency,
        purses=purses,
        notional=notional,
        capital=sum(purse.capital for purse in purses),
        period=recording_period(tape.end_ns - tape.start_ns) if period is None else _period(period),
        beside=beside,
        filled_in=filled_in,
    )


def _fill(tape: Tape, execution: Execution, latency: Latency) -> str:
    on_bars = [feed.market == "bars" for feed in tape.feeds]
    if execution.fill is None:
        return "next_open" if all(on_bars) else "next_event"
    if execution.fill not in CONVENTIONS:
        raise ConfigError(f"fill: expected one of {', '.join(CONVENTIONS)}, got {execution.fill!r}")
    if execution.fill in ("this_close", "this_event") and any(on_bars) and not latency.order.is_zero:
        raise ConfigError(
            f"fill: {execution.fill} fills at the close of the bar just seen, which an order latency of "
            f"{latency.order.describe()} misses; say next_open, or leave the latency out"
        )
    if execution.fill == "next_close" and not all(on_bars):
        raise ConfigError("fill: next_close is for bars; on quotes, books and trades say next_event or this_event")
    return execution.fill


def _period(period: str) -> int:
    """Nanoseconds of a recording period. Raises ConfigError where days would not be whole numbers of it."""
    step = parse_interval(period)
    if DAY % step:
        raise ConfigError(
            f"period: expected a part of a day such as '1h' or '1d', because tables are by the day; got {period!r}"
        )
    return step


def _refuse_wrong_types(tape: object, costs: object, sizing: object, execution: Execution) -> None:
    for name, value, kinds, remedy in (
        ("tape", tape, (Tape,), "hs.Tape.from_bars(...)"),
        ("costs", costs, (Costs,), "hs.Costs(half_spread=..., fees=..., funding=...)"),
        ("sizing", sizing, (FixedNotional, FixedContracts, EquityFraction), "hs.FixedNotional(10_000)"),
        ("margin", execution.margin, (Margin,), "hs.Margin.cross(), .isolated(leverage=...) or .none()"),
    ):
        if not isinstance(value, kinds):
            raise ConfigError(f"{name}: expected {remedy}, got {type(value).__name__}")


def _refuse_costs_without_data(feed: Feed, costs: Costs) -> None:
    kind, market, source = costs.half_spread.kind, feed.market, feed.source
    if kind == "bars" and (market != "bars" or feed.quote_column < 0):
        found = ", ".join(feed.bars.columns) if feed.bars is not None else f"a market of {market}"
        raise DataError(
            f"{source}: the half-spread is to come from the bars, but they have no bid_open, ask_open, "
            f"bid_close, ask_close; found {found}. Use "
            + ("HalfSpread.from_quotes()" if market in ("books", "quotes") else "HalfSpread.ticks, .bps or .price")
        )
    if kind == "quotes" and market not in ("books", "quotes"):
        raise DataError(
            f"{source}: the half-spread is to come from quotes or books, but fills of {feed.instrument.symbol} come "
            f"from {market}; use HalfSpread.ticks, .bps, .price or .by_hour"
            + (", or .from_bars" if feed.quote_column >= 0 else "")
        )
    if kind != "quotes" and market == "books":
        raise ConfigError(
            f"half_spread: {feed.instrument.symbol} is traded against book snapshots, which a taker walks; say "
            f"HalfSpread.from_quotes() instead of kind {kind!r}"
        )
    if costs.impact.kind == "square_root" and market in ("quotes", "books"):
        raise ConfigError(
            f"impact: {feed.instrument.symbol} is traded against {market}, where a taker gets no more than is shown "
            "and pays what walking it costs; the square root is for bars and trades. Say Impact.none()"
        )
    if costs.impact.kind == "square_root" and feed.bars is None:
        raise DataError(
            f"{source}: the square-root impact needs the volume of bars, and there are none; add bars, or use "
            "Impact.none() (a book is walked all the same)"
        )


def _refuse_feed_latency(feed: Feed, latency: Latency) -> None:
    if not latency.feed.is_zero and feed.bars is not None:
        raise ConfigError(
            f"latency: {feed.instrument.symbol} has bars, which an agent sees when they close; a latency of market "
            "data is for quotes, books and trades. Leave feed out of the latency, or bars out of the tape"
        )


def _refuse_leverage(feed: Feed, margin: Margin) -> None:
    if margin.leverage is None:
        return
    highest = feed.instrument.margin_schedule.max_leverage(feed.start_ns)
    if margin.leverage > highest * (1.0 + 1e-9):
        raise ConfigError(
            f"margin: {feed.instrument.symbol} allows a leverage of up to {highest:g}x at "
            f"the lowest tier, got {margin.leverage:g}x; ask for less"
        )


def _beside(tape: Tape, costs: Costs, purses: tuple[Purse, ...]) -> tuple[tuple[Beside, ...], list[int]]:
    """What stands beside the tables, and the times of settlements that the policy filled in."""
    found, filled_in = [], []
    for k, feed in enumerate(tape.feeds):
        funding, missing = _funding(feed, costs)
        filled_in += missing
        by_series = any(purse.rate_source == BY_SERIES and purse.rate_instrument == k for purse in purses)
        rate = (feed.settle_price if feed.settle_price is not None else feed.index) if by_series else None
        found.append(Beside(funding, feed.mark, feed.index, rate, feed.gaps))
    return tuple(found), sorted(filled_in)


def _funding(feed: Feed, costs: Costs) -> tuple[FundingTable | None, list[int]]:
    """The settlements of one instrument, and the times of those that the policy filled in."""
    if costs.funding.kind == "none":
        if feed.funding is not None:
            feed.funding.check(np.inf)
        return feed.funding, []
    if feed.funding is None:
        raise DataError(
            f"{feed.source}: funding is to be charged, but the tape has no rates: give "
            "Tape.from_bars(funding=...), or say Funding.none() to leave funding out"
        )
    table, missing = complete(feed.funding, feed.start_ns, feed.end_ns, costs.funding)
    if costs.funding.sign == "flipped":
        table = replace(table, rates=-table.rates)
    return table, missing
