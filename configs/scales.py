"""Multiples of what a run is charged: half-spread, fees, funding and latency, each as so many times of the config's.

What the costs state is scaled in the costs; what stands in the data (quotes beside bars, funding rates, the venue's
fees) in a tape that shares all other data. Quotes keep their mid. A rate of funding is scaled for everybody: an agent
that looks at it sees the multiple too. Half of the spread of a quoted market (kind quotes) cannot be scaled, because
the fills come from those quotes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from halfspread.costs.durations import parse_duration
from halfspread.costs.fees import FeePeriod, Fees, FeeSchedule
from halfspread.costs.funding import Funding
from halfspread.costs.half_spread import HalfSpread
from halfspread.costs.latency import Delay, Latency
from halfspread.costs.model import Costs
from halfspread.engine.bars import Bars
from halfspread.engine.feed import Feed
from halfspread.engine.tape import Tape
from halfspread.errors import ConfigError

__all__ = ["SCALED", "Scales", "scalable", "scaled_costs", "scaled_tape"]

#: What can be scaled, in the order in which it is shown.
SCALED = ("half_spread", "fees", "funding", "latency")


@dataclass(frozen=True)
class Scales:
    """Multiples, 0 or more; 1 is what the config says."""

    half_spread: float = 1.0
    fees: float = 1.0
    funding: float = 1.0
    latency: float = 1.0


def scalable(costs: Costs, tape: Tape) -> dict[str, str]:
    """For each of `SCALED`, why scaling it changes nothing or is not possible; empty where it can be scaled."""
    spread, fees = costs.half_spread, costs.fees
    reasons = dict.fromkeys(SCALED, "")
    if spread.kind == "quotes":
        reasons["half_spread"] = "fills come from the quotes of the market, whose spread cannot be another"
    elif spread.kind == "bars" and tape.streamed:
        reasons["half_spread"] = "it stands in the bars, and these are streamed"
    elif spread.kind == "none" or (spread.kind not in ("bars", "hours") and spread.amount == 0.0):
        reasons["half_spread"] = "none is charged"
    if fees == Fees.none():
        reasons["fees"] = "none are charged"
    if costs.funding.kind == "none" or all(feed.funding is None for feed in tape.feeds):
        reasons["funding"] = "none is paid or received"
    if costs.latency.is_zero:
        reasons["latency"] = "there is none"
    return reasons


def scaled_costs(costs: Costs, scales: Scales) -> Costs:
    """``costs`` with the multiples that belong into them. Raises ConfigError for a multiple that is not possible."""
    if scales == Scales():
        return costs
    return Costs(
        half_spread=_half_spread(costs.half_spread, scales.half_spread),
        fees=_fees(costs.fees, scales.fees),
        funding=_funding(costs.funding, scales.funding),
        impact=costs.impact,
        latency=Latency(
            order=_delay(costs.latency.order, scales.latency),
            response=_delay(costs.latency.response, scales.latency),
            feed=_delay(costs.latency.feed, scales.latency),
        ),
    )


def scaled_tape(tape: Tape, costs: Costs, scales: Scales) -> Tape:
    """``tape`` with the multiples that belong into the data; the tape itself where none does."""
    feeds = tape.feeds
    if scales.half_spread != 1.0 and costs.half_spread.kind == "bars":
        feeds = tuple(_with_spread(feed, scales.half_spread) for feed in feeds)
    if scales.fees != 1.0 and costs.fees.kind == "venue":
        feeds = tuple(_with_fees(feed, scales.fees) for feed in feeds)
    if scales.funding != 1.0 and costs.funding.kind == "published":
        feeds = tuple(_with_funding(feed, scales.funding) for feed in feeds)
    return tape if feeds is tape.feeds else replace(tape, feeds=feeds)


def _half_spread(spread: HalfSpread, times: float) -> HalfSpread:
    if times == 1.0 or spread.kind in ("none", "bars", "quotes"):
        return spread
    if spread.kind == "hours":
        return HalfSpread(kind="hours", table=tuple(times * value for value in spread.table or ()))
    return HalfSpread(kind=spread.kind, amount=times * spread.amount)


def _fees(fees: Fees, times: float) -> Fees:
    if times == 1.0 or fees.kind == "venue":
        return fees
    if fees.taker is not None and fees.maker is not None:
        return Fees(taker=times * fees.taker, maker=times * fees.maker)
    return Fees.dated(*_periods(fees.periods, times))


def _periods(periods: tuple[FeePeriod, ...], times: float) -> tuple[FeePeriod, ...]:
    def scaled(entry: Any) -> dict[str, Any]:
        return {"taker": times * entry.taker, "maker": times * entry.maker}

    return tuple(
        period.model_copy(
            update={**scaled(period), "tiers": tuple(tier.model_copy(update=scaled(tier)) for tier in period.tiers)}
        )
        for period in periods
    )


def _funding(funding: Funding, times: float) -> Funding:
    if times == 1.0 or funding.kind == "none":
        return funding
    missing = times * funding.missing if isinstance(funding.missing, float) else funding.missing
    limit = max(times, 1.0) * funding.max_abs_rate
    return funding.model_copy(update={"missing": missing, "max_abs_rate": limit})


def _delay(delay: Delay, times: float) -> Delay:
    if times == 1.0 or delay.kind == "none":
        return Delay(**{name: getattr(delay, name) for name in Delay.model_fields})
    if times == 0.0:
        return Delay.none()
    changed: dict[str, Any] = {"kind": delay.kind, "sigma": delay.sigma, "times_ns": delay.times_ns}
    for name in ("delay", "median", "mean", "deviation", "floor"):
        length = getattr(delay, name)
        changed[name] = None if length is None else f"{round(times * parse_duration(length))}ns"
    for name in ("samples_ns", "delays_ns"):
        given = getattr(delay, name)
        changed[name] = None if given is None else tuple(round(times * each) for each in given)
    return Delay(**changed)


def _with_spread(feed: Feed, times: float) -> Feed:
    bars, at = feed.bars, feed.quote_column
    if bars is None or at < 0:
        return feed
    if not isinstance(bars, Bars):
        raise ConfigError("half-spread: it stands in the bars, and streamed bars cannot be scaled; leave out stream")
    rows = bars.rows
    changed = np.array(rows)
    for bid, ask in ((at, at + 1), (at + 2, at + 3)):
        mid, half = 0.5 * (rows[:, bid] + rows[:, ask]), 0.5 * (rows[:, ask] - rows[:, bid])
        changed[:, bid], changed[:, ask] = mid - times * half, mid + times * half
    changed.flags.writeable = False
    return replace(feed, bars=replace(bars, rows=changed))


def _with_fees(feed: Feed, times: float) -> Feed:
    schedule = feed.instrument.fees
    if schedule is None:
        return feed
    fees = FeeSchedule(periods=_periods(schedule.periods, times))
    return replace(feed, instrument=feed.instrument.model_copy(update={"fees": fees}))


def _with_funding(feed: Feed, times: float) -> Feed:
    table = feed.funding
    return feed if table is None else replace(feed, funding=replace(table, rates=times * table.rates))
