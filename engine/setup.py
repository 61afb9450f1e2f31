"""Lay out the state of a run: records for the loop from the models of costs, instruments and sizing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from halfspread.costs.kernels import ewm_weight
from halfspread.costs.latency import DelayTable
from halfspread.costs.model import Costs
from halfspread.engine.codes import (
    BAR_CLOSE,
    BOOK,
    DEPTH,
    MAX_TERMS,
    ON_BARS,
    ON_DEPTH,
    ON_TRADES,
    QUOTE,
    SAME_CURRENCY,
    TRADE,
)
from halfspread.engine.feed import Feed
from halfspread.engine.records import State
from halfspread.engine.subscriptions import Wishes, bits_of
from halfspread.engine.tape import Tape
from halfspread.engine.terms import CONVENTIONS, MATCHING, Terms
from halfspread.engine.times import DAY, HOUR, MINUTE, SECOND, Floats, Integers
from halfspread.errors import ConfigError

__all__ = ["PROGRESS_EVENTS", "PROGRESS_SECONDS", "Watch", "lay_out", "watch_of"]

#: The loop lets Python look up (Ctrl-C, progress) after so many events at first, at most, and about so many seconds.
FIRST_PROGRESS, PROGRESS_EVENTS, PROGRESS_SECONDS = 16, 200_000, 0.2

#: Far beyond the rows of any table.
NO_ROW = 2**62

MARKETS = {"bars": ON_BARS, "trades": ON_TRADES, "quotes": ON_DEPTH, "books": ON_DEPTH}
TABLE_KINDS = {"bars": BAR_CLOSE, "trades": TRADE, "quotes": QUOTE, "books": BOOK}


@dataclass(frozen=True)
class Watch:
    """What the agent of a run is shown and when: the table that is its history, and kinds of events as bits.

    ``chosen``: which of these each subscription stands for; ``bits``: each name of an event.
    ``point_step``: nanoseconds between two points of the curve; 0 for one at every bar close.
    """

    history: str
    subscribed: int
    history_kinds: int
    point_kinds: int
    point_step: int
    timer: int
    chosen: Mapping[str, int]
    bits: Mapping[str, int]


def watch_of(tape: Tape, wishes: Wishes) -> Watch:
    """What the agent's subscriptions mean on this tape. Raises DataError for data that the tape does not hold."""
    history, chosen = wishes.history(tape.feeds), wishes.bits(tape.feeds)
    kinds = 0
    for bits in chosen.values():
        kinds |= bits
    bars = any(feed.bars is not None for feed in tape.feeds)
    step = 0
    if not bars:
        span = tape.end_ns - tape.start_ns
        step = SECOND if span <= 2 * DAY else MINUTE if span <= 366 * DAY else HOUR
    point_kinds = BAR_CLOSE if bars else DEPTH | TRADE
    return Watch(history, kinds, TABLE_KINDS[history], point_kinds, step, wishes.timer, chosen, bits_of(tape.feeds))


def lay_out(
    tape: Tape, terms: Terms, watch: Watch, lookback: int, rng: np.random.Generator
) -> tuple[State, DelayTable | None]:
    """The state of a run before its first event, and the latency of its market data. ``rng`` draws latencies."""
    count = len(tape.feeds)
    starts, schedule, spans = _schedules(tape, terms.costs)
    latency = terms.costs.latency
    order, response, received = latency.tables(rng)
    delayed = not latency.response.is_zero
    state = State(count, len(terms.purses))
    state.record["starts"][: len(starts)] = starts
    state.record["schedule"][: len(starts)] = schedule
    delays = _delays(order, response)
    state.record["delays"][: len(delays)] = delays
    run = state.run
    _fill_run(run, terms, watch, lookback)
    run["order_delay_mode"], run["order_delays"] = order[0], (0, len(order[1]))
    run["response_delay_mode"] = response[0]
    run["response_delays"] = (len(order[1]), len(order[1]) + len(response[1]))
    run["delayed_reports"] = delayed
    run["lagging"] = delayed or not latency.feed.is_zero or any(feed.delayed for feed in tape.feeds)
    run["tiered"] = any(
        period.tiers for feed in tape.feeds for period in terms.costs.fees.schedule(feed.instrument.fees).periods
    )
    for account, purse in zip(state.accounts, terms.purses, strict=True):
        account["rate_source"], account["rate_instrument"] = purse.rate_source, purse.rate_instrument
        account["capital"] = purse.capital
        if purse.rate_source == SAME_CURRENCY:
            account["rate"], account["deposited"] = purse.rate, 1
            account["deposit"] = account["cash"] = purse.capital / purse.rate
    run["unvalued"] = int((state.accounts["deposited"] == 0).sum())
    for k, feed in enumerate(tape.feeds):
        _fill_contract(state.contracts[k], feed, terms, spans[k])
    for name in ("mark", "half_spread", "worst"):
        state.holdings[name] = np.nan
    state.holdings["book"] = -1
    state.holdings["high_limit"] = np.inf
    context = state.context
    context["instruments"] = count
    context["capital"] = context["equity"] = terms.capital
    context["next_order"] = 1
    for name in ("mark", "index", "last_funding_rate", "next_funding_rate", "bid", "ask", "trade_price"):
        context[name][:] = np.nan
    for name in ("bid_size", "ask_size", "trade_size", "trade_side", "half_spread", "taker_fee"):
        context[name][:] = np.nan
    for k, feed in enumerate(tape.feeds):
        if feed.table(watch.history) is None:  # it is never waited for, and a look at its rows is an error
            context["seen"][k] = context["rows"][k] = NO_ROW
    return state, None if latency.feed.is_zero else received


def _delays(order: DelayTable, response: DelayTable) -> Integers:
    """Times and delays of both tables, one below the other; a table without times has zeros there."""
    found = []
    for _, times, delays in (order, response):
        lines = np.zeros((len(delays), 2), np.int64)
        if len(times) == len(delays):
            lines[:, 0] = times
        lines[:, 1] = delays
        found.append(lines)
    return np.concatenate(found)


def _fill_run(run: Any, terms: Terms, watch: Watch, lookback: int) -> None:
    run["convention"] = CONVENTIONS[terms.fill]
    run["matching"] = MATCHING[terms.execution.matching]
    run["sizing"], run["size"] = terms.sizing.code()
    run["resize"] = terms.sizing.resize == "always"
    run["lookback"] = lookback
    run["period"] = terms.period
    run["progress_every"] = run["next_progress"] = FIRST_PROGRESS
    run["capital"] = run["lowest"] = run["equity"] = terms.capital
    run["subscribed"] = watch.subscribed
    run["history_kinds"] = watch.history_kinds
    run["point_kinds"], run["point_step"] = watch.point_kinds, watch.point_step
    run["wanted"] = watch.subscribed | watch.point_kinds
    run["margin"] = terms.execution.margin.code
    run["leverage"] = terms.execution.margin.leverage or 0.0
    run["worst_price"] = terms.execution.margin.without_mark == "extremes"
    run["volume_day"] = -(10**6)


def _fill_contract(contract: Any, feed: Feed, terms: Terms, spans: list[tuple[int, int]]) -> None:
    instrument, costs = feed.instrument, terms.costs
    contract["inverse"] = instrument.kind == "inverse"
    contract["multiplier"] = instrument.multiplier
    contract["interval"] = feed.interval
    contract["half_spread_kind"] = costs.half_spread.code
    contract["half_spread"] = costs.half_spread.amount
    contract["carry_half_spread"] = costs.half_spread.missing == "last"
    if costs.half_spread.kind == "hours":
        contract["hours"] = costs.half_spread.hours()
    contract["charge_funding"] = costs.funding.kind != "none"
    contract["quote_column"] = feed.quote_column
    contract["account"] = terms.purse_of(instrument)
    contract["market"] = MARKETS[feed.market]
    contract["depth_kind"] = TABLE_KINDS[feed.market] if feed.market in ("quotes", "books") else 0
    contract["has_trades"] = feed.trades is not None
    contract["impact_kind"] = costs.impact.code if feed.market != "books" else 0
    contract["impact"] = costs.impact.coefficient
    if feed.interval:
        contract["impact_weight"] = ewm_weight(costs.impact.window_ns, feed.interval)
    contract["min_contracts"] = instrument.min_contracts or 0.0
    contract["max_contracts"] = instrument.max_contracts or math.inf
    contract["on_entry"] = instrument.margin_schedule.basis == "entry"
    contract["ticks"], contract["lots"], contract["fees"], contract["tiers"] = spans


def _schedules(tape: Tape, costs: Costs) -> tuple[Integers, Floats, list[list[tuple[int, int]]]]:
    """Ticks, lots, fees and margin tiers of all instruments as dated rows one after the other, and where each begins
    and ends."""
    starts: list[Integers] = []
    values: list[Floats] = []
    spans: list[list[tuple[int, int]]] = []
    at = 0
    for instrument in tape.instruments:
        mine = []
        fee_starts, fee_rows = costs.fees.schedule(instrument.fees).tier_arrays()
        for when, rows in (
            _column(instrument.tick_arrays()),
            _column(instrument.lot_arrays()),
            (fee_starts, fee_rows[:, [1, 2, 0]]),
            instrument.margin_schedule.tier_arrays(),
        ):
            block = np.zeros((len(when), 4))
            block[:, : rows.shape[1]] = rows
            starts.append(when)
            values.append(block)
            mine.append((at, at + len(when)))
            at += len(when)
        spans.append(mine)
    if at > MAX_TERMS:
        raise ConfigError(
            f"expected at most {MAX_TERMS:,} dated ticks, lots, fees and margin tiers over all instruments, got "
            f"{at:,}; leave out the dates before the tape begins"
        )
    return np.concatenate(starts).astype(np.int64), np.concatenate(values), spans


def _column(dated: tuple[Integers, Floats]) -> tuple[Integers, Floats]:
    return dated[0], dated[1][:, None]
